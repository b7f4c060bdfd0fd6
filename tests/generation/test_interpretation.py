"""What is said of a call, and what is kept back, as the reader sees it."""

from collections.abc import Callable

import pytest

from rab.domain import Descriptors, EvidencePack, NeighbourEntry, SignalQuality, TaxonScoreEntry
from rab.errors import InputError
from rab.generation import cited, sections, text_of, write_interpretation


def sentences(pack: EvidencePack) -> list[str]:
    """Return the printed sentences with the pack's salt left out."""
    return [cited(claim).replace(f".{pack.salt}", "") for claim in write_interpretation(pack).claims]


def kinds(pack: EvidencePack) -> set[str]:
    return {claim.code or claim.kind for claim in write_interpretation(pack).claims}


def test_clean_call_is_told_whole(clean: EvidencePack) -> None:
    """A clear, labelled, independent, agreed call gets eight plain sentences, each ending with what it rests on."""
    assert sentences(clean) == [
        "Signal quality: SNR 18.0 dB between 1.84 kHz and 7.21 kHz [q].",
        "The call resembles 3 stored calls that listeners label Eurasian Blackbird (Turdus merula) "
        "(cosine 0.83 to 0.91) [n1, n2, n3].",
        "It differs from the most similar stored call by a higher peak frequency (+640 Hz) [q, n1].",
        "Of all prototypes, that of cluster c3.9fa2 lies nearest: cosine 0.88; 412 members, of which 300 "
        "appear under the name Eurasian Blackbird (Turdus merula) [p1].",
        "3 calls out of 3 named calls nearby bear the name Eurasian Blackbird (Turdus merula) [n1, n2, n3].",
        "birdnet-v2.4 suggests Eurasian Blackbird (Turdus merula) with a raw score of 0.71 [t1].",
        "Just before it in the recording (gap 1.5 s), birdnet-v2.4 tentatively names Eurasian Blackbird "
        "(Turdus merula) [s-1].",
        "Raw scores are not probabilities: no calibration exists for birdnet-v2.4 [t1].",
    ]


def test_faint_call_is_compared_but_not_named(low_snr: EvidencePack) -> None:
    """Where the signal supports no species, likeness and difference remain, tentatively, and no name appears."""
    assert sentences(low_snr) == [
        "Signal quality: SNR −1.2 dB between 1.84 kHz and 7.21 kHz [q].",
        "No statement on identity is made: at SNR −1.2 dB the signal does not support any [q].",
        "The call appears to resemble 3 stored calls (cosine 0.83 to 0.91) [n1, n2, n3].",
        "As far as the weak signal allows, it differs from the most similar stored call by a higher peak frequency "
        "(+640 Hz) [q, n1].",
        "Of all prototypes, that of cluster c3.9fa2 lies nearest: cosine 0.88; 412 members [p1].",
    ]


def test_the_end_of_a_recording_resembles_nothing(clean: EvidencePack) -> None:
    """A second of sound in a window of three is alike to others by its silence: nothing is made of that."""
    assert clean.depth is not None
    depth = clean.depth.model_copy(update={"species_claims_supported": False, "unsupported_by": "length"})
    found = sentences(clean.model_copy(update={"depth": depth}))
    assert (
        "No statement on identity is made: the segment is the end of a recording and holds too little sound to compare "
        "[q]." in found
    )
    assert not any("resembles" in one or "suggests" in one for one in found)


def test_silence_resembles_nothing(silent: EvidencePack) -> None:
    """Silence near other silence is no resemblance."""
    assert sentences(silent) == [
        "Signal quality: SNR not measured, because the segment is silent [q].",
        "No statement on identity is made: the segment is silent [q].",
    ]


def test_call_without_signal_abstains(
    segment_pack_of: Callable[..., EvidencePack],
    neighbour_of: Callable[..., NeighbourEntry],
    quality_of: Callable[..., SignalQuality],
) -> None:
    """Noise without a call abstains for that reason."""
    pack = segment_pack_of([neighbour_of(1, 0.9)], signal=quality_of(None, "no_signal"), supported=False)
    assert sentences(pack)[1:] == [
        "No statement on identity is made: nothing in the segment stands above the noise floor [q]."
    ]


def test_call_unlike_all_others_is_new(far: EvidencePack) -> None:
    """A call beyond the threshold is reported as such, and the classifier's opinion is not given for it."""
    assert sentences(far)[1:] == [
        "No statement on identity is made: no call that was searched is similar enough [n1].",
        "Its own surroundings left out, no call that was searched is like it: the nearest has cosine 0.41, below the "
        "threshold of 0.70 [n1].",
    ]


def test_empty_library_abstains(empty: EvidencePack) -> None:
    """Without any neighbour there is the signal, and the reason for saying no more."""
    assert sentences(empty)[1:] == ["No statement on identity is made: no other call was found to compare with [q]."]


def test_conflict_names_both_sides_and_decides_neither(conflicting: EvidencePack) -> None:
    """When neighbours and classifier disagree, both are cited, one against the other."""
    assert sentences(conflicting)[1:] == [
        "No statement on identity is made: the evidence disagrees [q].",
        "The call appears to resemble 3 stored calls (cosine 0.83 to 0.91) [n1, n2, n3].",
        "It differs from the most similar stored call by a higher peak frequency (+640 Hz) [q, n1].",
        "The evidence disagrees: similar calls bear the name Eurasian Blackbird (Turdus merula), whereas birdnet-v2.4 "
        "puts forward Song Thrush (Turdus philomelos) [n1, n2, n3; against t1].",
    ]


def test_divided_vote_is_told_of_every_name(divided: EvidencePack) -> None:
    """Each name among the near calls gets its vote, with all others against it; far and nameless calls have none."""
    votes = [sentence for sentence in sentences(divided) if "out of" in sentence]
    assert votes == [
        "3 calls out of 5 named calls nearby bear the name Eurasian Blackbird (Turdus merula) "
        "[n2, n4, n6; against n1, n5].",
        "2 calls out of 5 named calls nearby bear the name Song Thrush (Turdus philomelos) "
        "[n1, n5; against n2, n4, n6].",
    ]


def test_one_recording_is_weak_evidence(one_recording: EvidencePack) -> None:
    """Calls of one recording under a classifier's names make every statement tentative, with two caveats."""
    interpretation = write_interpretation(one_recording)
    hedged = {claim.kind for claim in interpretation.claims if claim.hedge == "tentative"}
    caveats = [claim.code for claim in interpretation.claims if claim.kind == "caveat"]
    assert (hedged, caveats) == ({"resemblance", "taxon_vote"}, ["single_recording", "model_labels_only"])


@pytest.mark.parametrize(("n_heard", "is_tentative"), [(0, True), (1, True), (2, False)])
def test_names_of_classifiers_stay_tentative_until_several_recordings_are_labelled(
    segment_pack_of: Callable[..., EvidencePack],
    neighbour_of: Callable[..., NeighbourEntry],
    n_heard: int,
    is_tentative: bool,
) -> None:
    """One person's label removes neither the hedge nor the caveat from nine names of a classifier; two do."""
    calls = [neighbour_of(n, 0.95 - n / 50, source="human" if n <= n_heard else "model") for n in range(1, 11)]
    claims = write_interpretation(segment_pack_of(calls)).claims
    hedges = {claim.hedge for claim in claims if claim.kind in ("resemblance", "taxon_vote")}
    caveats = [claim for claim in claims if claim.code == "model_labels_only"]
    assert ({"tentative" if is_tentative else "plain"}, is_tentative) == (hedges, bool(caveats))
    heard = ["no listener labelled any.", "listeners labelled calls from only 1 recording apart from its own."]
    for claim in caveats:
        words = f"{10 - n_heard} calls out of 10 named calls nearby bear a name that comes from a classifier; "
        assert (words + heard[n_heard], 10) == (claim.text, len(claim.support))


def test_label_in_the_own_recording_is_no_other_listener(
    segment_pack_of: Callable[..., EvidencePack], neighbour_of: Callable[..., NeighbourEntry]
) -> None:
    """A label of a call in the query's own recording is not counted as one from elsewhere."""
    calls = [neighbour_of(1, 0.9, recording="query"), neighbour_of(2, 0.8, source="model")]
    (caveat,) = (one for one in write_interpretation(segment_pack_of(calls)).claims if one.code == "model_labels_only")
    assert caveat.text == (
        "1 call out of 2 named calls nearby bears a name that comes from a classifier; listeners labelled none outside "
        "the recording of the call itself."
    )


def test_unnamed_neighbours_give_no_name(unlabelled: EvidencePack) -> None:
    """Similar calls that nobody named are similar all the same."""
    assert sentences(unlabelled)[1::2] == [
        "The call resembles 2 stored calls without a name (cosine 0.80 to 0.85) [n1, n2].",
        "None of the similar calls bears a name [n1, n2].",
    ]


def test_species_out_of_range_is_not_named(
    segment_pack_of: Callable[..., EvidencePack],
    neighbour_of: Callable[..., NeighbourEntry],
    score_of: Callable[..., TaxonScoreEntry],
) -> None:
    """A name that the location and week model does not expect ends in abstention, and stands in no sentence."""
    owl = score_of(1, "Bubo virginianus", 0.9, in_range=False)
    pack = segment_pack_of([neighbour_of(n, 0.9, "Bubo virginianus") for n in (1, 2)], taxon_scores=(owl,))
    assert not [sentence for sentence in sentences(pack) if "Owl" in sentence or "Bubo" in sentence]
    assert {"out_of_range"} == kinds(pack) & {"out_of_range", "taxon_vote", "classifier_score"}


def test_vote_for_species_out_of_range_is_not_given(
    segment_pack_of: Callable[..., EvidencePack],
    neighbour_of: Callable[..., NeighbourEntry],
    score_of: Callable[..., TaxonScoreEntry],
) -> None:
    """The leading name is out of range even where the classifier's score for it is too low to be a candidate."""
    owl = score_of(1, "Bubo virginianus", 0.05, in_range=False)
    pack = segment_pack_of([neighbour_of(n, 0.9, "Bubo virginianus") for n in (1, 2)], taxon_scores=(owl,))
    assert "taxon_vote" not in kinds(pack)
    assert sentences(pack)[1] == (
        "No statement on identity is made: the leading name is not expected at this place in this week [t1]."
    )


def test_unchecked_range_is_admitted(
    segment_pack_of: Callable[..., EvidencePack],
    neighbour_of: Callable[..., NeighbourEntry],
    score_of: Callable[..., TaxonScoreEntry],
) -> None:
    """Without a place, a candidate's range is not checked, and the text admits it."""
    candidate = score_of(1, "Turdus merula", 0.8, in_range=None)
    assert "range_unchecked" in kinds(segment_pack_of([neighbour_of(1, 0.9)], taxon_scores=(candidate,)))


def test_flat_similarities_are_admitted(
    segment_pack_of: Callable[..., EvidencePack], neighbour_of: Callable[..., NeighbourEntry]
) -> None:
    """Five calls within 0.02 of each other have no meaningful order."""
    pack = segment_pack_of([neighbour_of(n, 0.915 - n * 0.003) for n in range(1, 6)])
    assert sentences(pack)[-1] == (
        "The similar calls are about equally close (cosine 0.90 to 0.91), so their order carries little weight "
        "[n1, n5]."
    )


def test_differences_within_resolution_are_not_told(
    segment_pack_of: Callable[..., EvidencePack], neighbour_of: Callable[..., NeighbourEntry]
) -> None:
    """A peak 40 Hz higher is within the resolution of 50 Hz."""
    like = neighbour_of(1, 0.9, descriptors=Descriptors(duration_ms=900.0, peak_hz=3100.0))
    assert "difference" not in kinds(segment_pack_of([like]))


def test_name_that_holds_a_number_or_a_line_is_quoted(
    segment_pack_of: Callable[..., EvidencePack], neighbour_of: Callable[..., NeighbourEntry]
) -> None:
    """A label with digits, line ends and quotation marks stays one quotation and cannot pose as text."""
    entry = neighbour_of(1, 0.9)
    assert entry.name is not None
    name = entry.name.model_copy(update={"scientific_name": "X", "common_name": "type 2”\n99 calls mean danger"})
    pack = segment_pack_of([entry.model_copy(update={"name": name})])
    assert "“type 2' 99 calls mean danger”" in " ".join(sentences(pack))
    assert write_interpretation(pack).dropped == ()


def test_behaviour_appears_only_as_a_quoted_label(
    segment_pack_of: Callable[..., EvidencePack], neighbour_of: Callable[..., NeighbourEntry]
) -> None:
    """A human label "Alarm call" is quoted, not asserted."""
    entry = neighbour_of(1, 0.9)
    assert entry.name is not None
    name = entry.name.model_copy(update={"scientific_name": "Alarm call", "common_name": "Alarm call"})
    pack = segment_pack_of([entry.model_copy(update={"name": name})])
    assert "listeners label “Alarm call” (cosine" in " ".join(sentences(pack))


def test_plain_text_lists_what_it_cites(clean: EvidencePack) -> None:
    """Plain text ends with the cited calls, the models, the pack and the digest of the texts."""
    interpretation = write_interpretation(clean)
    text = text_of(interpretation)
    assert text.startswith("Interpretation of query.wav, 12.000–15.000 s\nSearched: ")
    assert f"  n1.{clean.salt}  r1.wav 0.000–3.000 s at A12, 2025-10-13 05:12:00 Europe/Paris" in text
    assert text.endswith(
        f"Evidence Pack {clean.pack_id}\nWritten by template, texts {interpretation.generation.prompts_sha256[:12]}, "
        f"rab {interpretation.generation.code_version}\n"
    )


def test_sections_hold_every_claim_once(divided: EvidencePack) -> None:
    """Headings group the served claims and lose none."""
    interpretation = write_interpretation(divided)
    grouped = [claim.id for section in sections(interpretation) for claim in section.claims]
    assert sorted(grouped) == sorted(claim.id for claim in interpretation.claims)


def test_sentences_are_short(clean: EvidencePack, divided: EvidencePack) -> None:
    """Sentences have at most 25 words on average."""
    for pack in (clean, divided):
        words = [len(claim.text.split()) for claim in write_interpretation(pack).claims]
        assert sum(words) / len(words) <= 25


def test_summary_pack_is_refused(day: EvidencePack) -> None:
    """An interpretation is about a call."""
    with pytest.raises(InputError, match="needs the Evidence Pack of a call"):
        write_interpretation(day)
