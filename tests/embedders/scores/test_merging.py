"""Merging detections: what becomes one, and what never does."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from rab.domain import CallSegment, Detection, Taxon, TaxonScore
from rab.embedders.scores import MergePolicy, detections_of, merged_detections

NAMES = ("Turdus merula", "Parus major")


def detection(
    t0_ms: float, t1_ms: float, raw_score: float = 0.5, *, name: str = NAMES[0], channel: int | None = None
) -> Detection:
    """Return a detection whose segment is named after its span and score."""
    taxon = Taxon(scientific_name=name, common_name=name)
    return Detection(
        recording_id="r",
        channel=channel,
        t0_ms=t0_ms,
        t1_ms=t1_ms,
        score=TaxonScore(taxon=taxon, logit=0, raw_score=raw_score, model="m-v1"),
        segment_id=f"{t0_ms}-{t1_ms}-{raw_score}",
    )


DETECTIONS = st.lists(
    st.builds(
        lambda t0, length, raw, name, channel: detection(t0, t0 + length, raw, name=name, channel=channel),
        st.integers(0, 60).map(lambda n: 500.0 * n),
        st.sampled_from([500.0, 3000.0, 0.001]),
        st.sampled_from([0.3, 0.5, 0.9]),
        st.sampled_from(NAMES),
        st.sampled_from([None, 0, 1]),
    ),
    max_size=12,
)
GAPS = st.sampled_from([0.0, 499.999, 500.0, 3000.0]).map(lambda gap_ms: MergePolicy(max_gap_ms=gap_ms))


def spans(detections: list[Detection]) -> dict[tuple[str, int | None], list[tuple[float, float]]]:
    """Return the spans of each taxon and channel, joined where they touch."""
    by_voice = defaultdict(list)
    for one in detections:
        by_voice[one.score.taxon.scientific_name, one.channel].append((one.t0_ms, one.t1_ms))
    joined: dict[tuple[str, int | None], list[tuple[float, float]]] = {}
    for voice, pieces in by_voice.items():
        joined[voice] = []
        for t0_ms, t1_ms in sorted(pieces):
            if joined[voice] and t0_ms <= joined[voice][-1][1]:
                joined[voice][-1] = (joined[voice][-1][0], max(t1_ms, joined[voice][-1][1]))
            else:
                joined[voice].append((t0_ms, t1_ms))
    return joined


@given(DETECTIONS)
def test_without_a_gap_the_same_time_is_covered(detections: list[Detection]) -> None:
    """Per taxon and channel, and each stretch by one detection."""
    merged = merged_detections(detections)

    assert spans(detections) == spans(merged)
    assert len(merged) == sum(len(pieces) for pieces in spans(detections).values())


@given(DETECTIONS, GAPS)
def test_merging_twice_changes_nothing(detections: list[Detection], policy: MergePolicy) -> None:
    """What is merged lies further apart than the gap."""
    merged = merged_detections(detections, policy)

    assert merged == merged_detections(merged, policy)


@given(DETECTIONS.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))), GAPS)
def test_the_order_does_not_matter(drawn: tuple[list[Detection], list[Detection]], policy: MergePolicy) -> None:
    """Detections come from several threads."""
    first, second = drawn

    assert merged_detections(first, policy) == merged_detections(second, policy)


@given(DETECTIONS, GAPS)
def test_nothing_is_lost_or_invented(detections: list[Detection], policy: MergePolicy) -> None:
    """Segments add up, and each best score is that of the segment named, which lies inside."""
    merged = merged_detections(detections, policy)

    assert len(detections) == sum(one.n_segments for one in merged)
    for one in merged:
        inside = [
            other
            for other in detections
            if (other.channel, other.score.taxon) == (one.channel, one.score.taxon)
            and one.t0_ms <= other.t0_ms
            and other.t1_ms <= one.t1_ms
        ]
        assert max(other.score.raw_score for other in inside) == one.score.raw_score
        assert (one.segment_id, one.score) in [(other.segment_id, other.score) for other in inside]


def test_windows_that_overlap_adjoin_or_nearly_adjoin_become_one() -> None:
    """A gap of one second is bridged only by a policy that allows it."""
    heard = [detection(0, 3000), detection(1500, 4500, 0.9), detection(4500, 7500), detection(8500, 11500)]

    assert [(0, 7500, 3), (8500, 11500, 1)] == [
        (one.t0_ms, one.t1_ms, one.n_segments) for one in merged_detections(heard)
    ]
    (one,) = merged_detections(heard, MergePolicy(max_gap_ms=1000))
    assert (0, 11500, 4, 0.9, "1500-4500-0.9") == (
        one.t0_ms,
        one.t1_ms,
        one.n_segments,
        one.score.raw_score,
        one.segment_id,
    )


def test_only_what_passes_the_threshold_and_the_place_is_detected() -> None:
    """A score below the threshold and a species out of range are no detections; an unknown range is no objection."""
    segment = CallSegment(id="0" * 32, recording_id="r", t0_ms=0, t1_ms=3000, embedder="m-v1")
    taxon = Taxon(scientific_name=NAMES[0], common_name="Eurasian Blackbird")
    scores = [
        TaxonScore(taxon=taxon, logit=0, raw_score=raw_score, model="m-v1", in_range=in_range)
        for raw_score, in_range in ((0.9, True), (0.8, False), (0.7, None), (0.2, True))
    ]

    assert [0.9, 0.7] == [one.score.raw_score for one in detections_of(segment, scores, 0.3)]
