"""What a monitoring summary tells, and when it tells less."""

from collections.abc import Callable

import pytest

from rab.domain import AggregateEntry, EvidencePack
from rab.errors import InputError
from rab.generation import cited, text_of, write_summary

Figure = Callable[..., AggregateEntry]
Build = Callable[..., EvidencePack]


def sentences(pack: EvidencePack) -> list[str]:
    """Return the printed sentences with the pack's salt left out."""
    return [cited(claim).replace(f".{pack.salt}", "") for claim in write_summary(pack).claims]


def test_day_is_told_from_effort_to_caveats(day: EvidencePack) -> None:
    """Effort comes first, then taxa by number, the peak hour, quality, and what limits all of it."""
    assert sentences(day) == [
        "Effort: 12.5 h of sound in 150 recordings, over 2 recorder-days [a1, a2, a3].",
        "The coverage has 3 gaps, the longest of 5.2 h at “A12” [a4, a5].",
        "Detections reach the threshold for 2 taxa [a6].",
        "Eurasian Blackbird (Turdus merula): 42 segments in 11 recordings, 3.36 segments/h of effort "
        "(unverified model score) [a7, a8].",
        "Song Thrush (Turdus philomelos): 7 segments, 0.56 segments/h of effort (unverified model score) [a9].",
        "Most detections per hour of effort, unverified: 80.00 segments/h at 05:00–06:00 (40 segments in 0.50 h) "
        "[a21].",
        "Recording quality: a median SNR of 8.2 dB and 31% of the segments with a weak signal or none [a11, a12].",
        "Segments: 0.5% with rain [a13].",
        "Detections are raw model scores, neither calibrated nor verified unless stated; they count “segments with a "
        "raw score of at least 0.30” [a7].",
        "The location and week model set aside 1 detection of 1 taxon as not expected there in that week, or in "
        "any where no date is known: Great Horned Owl (Bubo virginianus) [a10].",
        "Whatever is counted by hour, day, week or month, and richness, leaves out 1 recording without a known "
        "clock [a14].",
    ]


def test_summary_without_clocks_names_no_hour(clockless: EvidencePack) -> None:
    """Without clocks there is no time of day, and the summary admits why."""
    assert [
        claim.code for claim in write_summary(clockless).claims if claim.kind in ("temporal_pattern", "caveat")
    ] == [
        "uncalibrated",
        "single_recording",
        "unknown_clock",
    ]


def test_no_effort_gives_no_activity(effortless: EvidencePack) -> None:
    """Where nothing was recorded, nothing is counted."""
    assert sentences(effortless) == ["No statement on activity is made: no effort is recorded [a1]."]


def test_no_detection_is_no_absence(summary_pack_of: Build, figure_of: Figure) -> None:
    """Zero taxa are told as what they are."""
    pack = summary_pack_of([figure_of(1, "effort_hours", 2.0, "h"), figure_of(2, "n_taxa", 0, "taxa")])
    assert sentences(pack)[1] == ("No taxon reached the detection threshold, which does not show absence [a2].")


def test_equal_hours_share_the_peak(summary_pack_of: Build, figure_of: Figure) -> None:
    """Hours with the same rate are all named."""
    hours = [
        figure_of(n, "detections_by_hour", value, "segments", group=hour, hours=effort)
        for n, (hour, value, effort) in enumerate([("04", 10, 1.0), ("05", 20, 2.0), ("23", 1, 1.0)], start=2)
    ]
    pack = summary_pack_of([figure_of(1, "effort_hours", 4.0, "h"), *hours])
    assert sentences(pack)[1] == (
        "Most detections per hour of effort, unverified: 10.00 segments/h at 04:00–05:00 (10 segments in 1.00 h) and "
        "10.00 segments/h at 05:00–06:00 (20 segments in 2.00 h) [a2, a3]."
    )


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ([("05", 40, 1.0)], "one hour has no peak"),
        ([("05", 4, 1.0), ("06", 5, 1.0)], "nine detections are too few"),
        ([("05", 8, 1.0), ("06", 8, 1.0)], "equal hours have no peak"),
        ([("05", 12, 1.0), ("06", 12, 0.0)], "an hour without effort does not count"),
        (
            [("05", 12, 1.0), ("06", 40, 0.01), ("07", 12, 1.0)],
            "an hour of 36 seconds beside whole ones does not count",
        ),
        ([("05", 40, 0.02), ("06", 2, 0.02)], "a minute of sound in an hour is too little, however alike the others"),
    ],
)
def test_no_peak_is_named_without_grounds(
    counts: list[tuple[str, float, float]], why: str, summary_pack_of: Build, figure_of: Figure
) -> None:
    """No hour is named where too little can be compared."""
    hours = [
        figure_of(n, "detections_by_hour", value, "segments", group=hour, hours=effort)
        for n, (hour, value, effort) in enumerate(counts, start=2)
    ]
    pack = summary_pack_of([figure_of(1, "effort_hours", 4.0, "h"), *hours])
    assert "temporal_pattern" not in {claim.kind for claim in write_summary(pack).claims}, why


def test_sites_are_told_one_by_one(summary_pack_of: Build, figure_of: Figure) -> None:
    """Of several sites each has its effort, most first; a single site is the whole."""
    total = figure_of(1, "effort_hours", 9.0, "h", decimals=1)
    sites = [
        figure_of(2, "effort_hours", 3.0, "h", group="site:Ridge", decimals=1),
        figure_of(3, "effort_hours", 6.0, "h", group="site:Marsh", decimals=1),
    ]
    told = sentences(summary_pack_of([total, *sites]))
    assert told[1:3] == ["Effort at Marsh: 6.0 h of sound [a3].", "Effort at Ridge: 3.0 h of sound [a2]."]
    assert len(sentences(summary_pack_of([total, sites[0]]))) == 1


def test_sounds_that_are_no_animals_are_told_apart(summary_pack_of: Build, figure_of: Figure) -> None:
    """An engine is counted after the taxa, and not as one of them."""
    pack = summary_pack_of(
        [
            figure_of(1, "effort_hours", 2.0, "h"),
            figure_of(2, "sound_detections", 9, "segments", group="Engine", words="Engine", hours=2.0),
            figure_of(3, "detections", 1, "segments", group="Turdus merula", hours=2.0),
        ]
    )
    assert sentences(pack)[1:3] == [
        "Eurasian Blackbird (Turdus merula): 1 segment, 0.50 segments/h of effort (unverified model score) [a3].",
        "Noise class Engine: 9 segments, 4.50 segments/h of effort (unverified model score) [a2].",
    ]


def test_files_that_failed_are_admitted(summary_pack_of: Build, figure_of: Figure) -> None:
    """Files that could not be read are part of the text."""
    pack = summary_pack_of([figure_of(1, "effort_hours", 1.0, "h"), figure_of(2, "n_failed_files", 2, "files")])
    assert sentences(pack)[1] == "No figure includes 2 files that could not be read [a2]."


def test_only_the_most_numerous_taxa_are_told(summary_pack_of: Build, figure_of: Figure) -> None:
    """A summary counts fifteen taxa one by one; the number of all of them is told."""
    counts = [figure_of(n, "detections", n, "segments", group=f"Genus {'a' * n}", hours=1.0) for n in range(1, 31)]
    pack = summary_pack_of([figure_of(40, "effort_hours", 1.0, "h"), figure_of(41, "n_taxa", 30, "taxa"), *counts])
    told = [claim.taxon for claim in write_summary(pack).claims if claim.kind == "activity_count"]
    assert told == [None, *(f"Genus {'a' * n}" for n in range(30, 15, -1))]


def test_taxa_without_a_sentence_are_counted(summary_pack_of: Build, figure_of: Figure) -> None:
    """Where more taxa were detected than a summary lists, it says how many are left to the figures."""
    effort = figure_of(1, "effort_hours", 1.0, "h")
    assert sentences(summary_pack_of([effort, figure_of(2, "n_taxa", 120, "taxa")]))[1] == (
        "Detections reach the threshold for 120 taxa; up to 15 taxa have a sentence here, and the figures list the "
        "other 105 taxa [a2]."
    )
    assert sentences(summary_pack_of([effort, figure_of(2, "n_taxa", 15, "taxa")]))[1] == (
        "Detections reach the threshold for 15 taxa [a2]."
    )


def test_a_segment_that_was_set_aside_twice_counts_once(summary_pack_of: Build, figure_of: Figure) -> None:
    """Two taxa set aside in one segment are two detections in one segment."""
    outside = [
        figure_of(n, "out_of_range_detections", n, "segments", group=taxon)
        for n, taxon in ((2, "Bubo virginianus"), (3, "Turdus merula"))
    ]
    once = figure_of(4, "out_of_range_segments", 3, "segments")
    told = sentences(summary_pack_of([figure_of(1, "effort_hours", 1.0, "h"), *outside, once]))[-1]
    assert "set aside 5 detections of 2 taxa in 3 segments as not expected" in told


def test_pack_without_figures_gives_no_sentence(summary_pack_of: Build) -> None:
    """Nothing to cite, nothing to print."""
    assert "No statement is made: the Evidence Pack holds nothing to cite." in text_of(
        write_summary(summary_pack_of([]))
    )


def test_segment_pack_is_refused(clean: EvidencePack) -> None:
    """A summary is about aggregates."""
    with pytest.raises(InputError, match="needs a summary's Evidence Pack"):
        write_summary(clean)
