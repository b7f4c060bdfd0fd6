"""What a summary says beyond its counts, word for word, and what it refuses to say."""

from collections.abc import Callable

import pytest

from rab.domain import AggregateEntry, Claim, EvidencePack
from rab.generation import cited, facts, validate, write_summary

Build = Callable[..., EvidencePack]
BLACKBIRD, THRUSH = "Turdus merula", "Turdus philomelos"
COMMON = {BLACKBIRD: "Eurasian Blackbird", THRUSH: "Song Thrush"}


def figure(
    name: str,
    value: float,
    unit: str,
    group: str | None = None,
    words: str | None = None,
    over: tuple[float, str] | None = None,
    decimals: int = 0,
) -> AggregateEntry:
    return AggregateEntry(
        key="a0",
        name=name,
        group=group,
        group_words=words or COMMON.get(group or "", group),
        value=value,
        unit=unit,
        decimals=decimals,
        denominator=None if over is None else over[0],
        denominator_unit=None if over is None else over[1],
        basis="counted by hand",
        rows_sha256="0" * 64,
    )


EFFORT = figure("effort_hours", 10, "h")
HEARD = figure("detections", 20, "segments", BLACKBIRD, over=(10, "h"))


def pack_of(summary_pack_of: Build, *figures: AggregateEntry) -> EvidencePack:
    """Return a pack with effort and a blackbird, and these figures after them."""
    every = [EFFORT, HEARD, *figures]
    return summary_pack_of([one.model_copy(update={"key": f"a{n}"}) for n, one in enumerate(every, start=1)])


def told(pack: EvidencePack, kind: str) -> list[str]:
    """Return the printed sentences of a kind, the salt left out; nothing of the text may have been dropped."""
    summary = write_summary(pack)
    assert summary.dropped == ()
    return [cited(claim).replace(f".{pack.salt}", "") for claim in summary.claims if claim.kind == kind]


def contrast(taxon: str, difference: float, p: float) -> list[AggregateEntry]:
    """Return the figures of a taxon on both sides."""
    days = (9, "recorder-days")
    return [
        figure("compared_rate", 12.4, "segments/h", taxon, decimals=2),
        figure("compared_detection_days", 8, "recorder-days", taxon, over=days),
        figure("compared_rate_other", 12.4 - difference, "segments/h", taxon, decimals=2),
        figure("compared_detection_days_other", 5, "recorder-days", taxon, over=days),
        figure("rate_difference", difference, "segments/h", taxon, decimals=2),
        figure("rate_difference_low", difference - 2, "segments/h", taxon, decimals=2),
        figure("rate_difference_high", difference + 2, "segments/h", taxon, decimals=2),
        figure("difference_p", p, "", taxon, decimals=4),
    ]


DESIGN = [
    figure("compared_hours", 12, "clock hours", "dates", "site=Ridge"),
    figure("compared_days", 9, "recorder-days", "here"),
    figure("compared_effort", 30, "h", "here", decimals=1),
    figure("compared_days", 9, "recorder-days", "there"),
    figure("compared_effort", 28.5, "h", "there", decimals=1),
]
OUTCOME = [figure("compared_taxa", 2, "taxa"), figure("compared_told", 1, "taxa")]


@pytest.mark.parametrize(
    ("kind", "figures", "expected"),
    [
        (
            "occupancy",
            [figure("occupied_sites", 2, "sites", BLACKBIRD, over=(3, "sites"))],
            "Eurasian Blackbird (Turdus merula): naive occupancy, detections at 2 of 3 sites with effort (unverified) "
            "[a3].",
        ),
        (
            "occupancy",
            [
                figure("history_days", 5, "days", f"{BLACKBIRD}\tMarsh", "Eurasian Blackbird at Marsh", (7, "days")),
                figure("history_days", 0, "days", f"{BLACKBIRD}\tB7", "Eurasian Blackbird at B7", (1, "days")),
            ],
            "Eurasian Blackbird (Turdus merula), days with a detection: 5 of 7 days at Marsh and 0 of 1 day at “B7” "
            "(unverified) [a3, a4].",
        ),
        (
            "temporal_pattern",
            [
                figure("detections_by_week", 20, "segments", "2025-05-05", "week of 2025-05-05", (5, "h")),
                figure("detections_by_week", 5, "segments", "2025-05-12", "week of 2025-05-12", (5, "h")),
            ],
            "Most detections per hour of effort, unverified: 4.00 segments/h in the week of 2025-05-05 (20 segments in "
            "5.00 h) [a3].",
        ),
        (
            "temporal_pattern",
            [
                figure("detections_by_sun", 4, "segments", "night", "night", (2, "h")),
                figure("detections_by_sun", 16, "segments", "dawn", "within an hour of sunrise", (4, "h")),
            ],
            "Detections per hour of effort, unverified: 2.00 segments/h at night (4 segments in 2.00 h) and 4.00 "
            "segments/h within an hour of sunrise (16 segments in 4.00 h) [a3, a4].",
        ),
        (
            "richness",
            [
                figure("richness_days", 24, "recorder-days"),
                figure("richness_taxa", 12, "taxa"),
                figure("richness_half_days", 12, "recorder-days"),
                figure("richness_at_half", 9.34, "taxa", decimals=1),
            ],
            "Richness, unverified: 12 taxa on 24 recorder-days; 12 recorder-days of these, drawn at random, would give "
            "9.3 taxa on average [a4, a3, a6, a5].",
        ),
        (
            "richness",
            [
                figure("richness_uniques", 1, "taxa"),
                figure("chao2", 15.24, "taxa", decimals=1),
                figure("chao2_low", 12.9, "taxa", decimals=1),
                figure("chao2_high", 25.1, "taxa", decimals=1),
            ],
            "Chao's incidence estimator puts the taxa, seen and unseen, at 15.2 taxa (12.9 taxa to 25.1 taxa), "
            "unverified: 1 taxon on a single recorder-day, and false names there raise it [a4, a5, a6, a3].",
        ),
        (
            "review_coverage",
            [
                figure("reviewed_detections", 2, "segments", over=(20, "segments")),
                figure("unreviewed_share", 90, "%", over=(20, "segments"), decimals=1),
            ],
            "Listeners reviewed 2 of 20 segments with a detection; 90.0% remain without review [a3, a4].",
        ),
        (
            "review_coverage",
            [figure("weak_detections", 1, "segments", over=(20, "segments"))],
            "A weak signal or none stands behind 1 of 20 segments with a detection [a3].",
        ),
        (
            "novel_count",
            [figure("novel_segments", 3, "segments", over=(1310, "segments"))],
            "Novelty, far from what other recordings hold: 3 of 1,310 segments compared [a3].",
        ),
        (
            "recorder_drift",
            [
                figure("recorders_tested", 1, "recorders", over=(2, "recorders")),
                figure(
                    "recorder_change",
                    -6,
                    "dB",
                    "Marsh\tnoise_floor_dbfs\t2025-05-07",
                    "noise floor at Marsh, 2025-05-07",
                    decimals=1,
                ),
            ],
            "A recorder changed: “noise floor at Marsh, 2025-05-07”, by −6.0 dB [a4].",
        ),
        (
            "recorder_drift",
            [figure("recorders_tested", 1, "recorders", over=(2, "recorders"))],
            "No change was found in 1 recorder with enough days for a test [a3].",
        ),
        (
            "recorder_drift",
            [figure("recorders_tested", 0, "recorders", over=(2, "recorders"))],
            "No change of a recorder was looked for: 2 recorders with too few days [a3].",
        ),
        (
            "model_agreement",
            [
                figure("models_recordings", 12, "recordings"),
                figure("models_shared", 20, "pairs", over=(32, "pairs")),
                figure("models_alone", 5, "pairs", "birdnet-v2.4", over=(32, "pairs")),
                figure("models_alone", 7, "pairs", "perch-v2", over=(32, "pairs")),
            ],
            "Several models heard 12 recordings: of 32 pairs of a taxon and a recording, 20 come from all of them, 5 "
            "from birdnet-v2.4 alone and 7 from perch-v2 alone [a3, a4, a5, a6].",
        ),
        (
            "model_agreement",
            [figure("models_split", 4, "recordings", BLACKBIRD, over=(6, "recordings"))],
            "Eurasian Blackbird (Turdus merula): of 6 recordings with a detection, 4 have it from a single model "
            "(unverified) [a3].",
        ),
        (
            "effort",
            [figure("recorded_days", 5, "days", "2025-05-03..2025-05-09", "2025-05-03 to 2025-05-09", (7, "days"))],
            "Something was recorded on 5 of 7 days, from 2025-05-03 to 2025-05-09 [a3].",
        ),
        (
            "caveat",
            [
                figure("unchecked_segments", 9, "segments", over=(12, "segments")),
                figure("unchecked_taxa", 4, "taxa"),
            ],
            "Whether the taxon occurs there in that week is not known for 9 of 12 segments with a detection, of 4 "
            "taxa; nothing of that is ruled out [a3, a4].",
        ),
        (
            "caveat",
            [figure("unplaced_recordings", 3, "recordings")],
            "Night, dawn, day and dusk leave out 3 recordings with a clock and without a known place [a3].",
        ),
        (
            "caveat",
            [figure("sunless_turns", 3, "days")],
            "On 3 days the sun neither rises nor sets, so there is no dawn and no dusk [a3].",
        ),
    ],
)
def test_each_kind_has_its_sentence(
    kind: str, figures: list[AggregateEntry], expected: str, summary_pack_of: Build
) -> None:
    """The words, the numbers and the citations are these."""
    assert expected in told(pack_of(summary_pack_of, *figures), kind)


def test_a_verified_taxon_is_no_model_score_alone(summary_pack_of: Build) -> None:
    """What listeners said stands in the sentence; where they only rejected, the rest stays unverified."""
    verified = [
        figure("verified_detections", 2, "segments", BLACKBIRD, over=(20, "segments")),
        figure("rejected_detections", 1, "segments", BLACKBIRD, over=(20, "segments")),
        figure("calibrated_detections", 9, "segments", BLACKBIRD, over=(20, "segments")),
    ]
    assert told(pack_of(summary_pack_of, *verified), "activity_count") == [
        "Eurasian Blackbird (Turdus merula): 20 segments, 2.00 segments/h of effort (9 segments at the calibrated "
        "threshold or above; listeners verified 2 segments and rejected 1 segment) [a2, a3, a4, a5]."
    ]
    rejected = [verified[0].model_copy(update={"value": 0.0}), verified[1]]
    assert told(pack_of(summary_pack_of, *rejected), "activity_count") == [
        "Eurasian Blackbird (Turdus merula): 20 segments, 2.00 segments/h of effort (unverified model score; listeners "
        "rejected 1 segment) [a2, a3, a4]."
    ]


def test_what_listeners_verified_is_not_unverified(summary_pack_of: Build) -> None:
    """Days and richness of a verified taxon say so; where nobody verified any detection, they stay unverified."""
    figures = [
        figure("detection_days", 5, "recorder-days", BLACKBIRD, over=(7, "recorder-days")),
        figure("history_days", 5, "days", f"{BLACKBIRD}\tMarsh", "Eurasian Blackbird at Marsh", (7, "days")),
        figure("richness_days", 24, "recorder-days"),
        figure("richness_taxa", 12, "taxa"),
        figure("richness_half_days", 12, "recorder-days"),
        figure("richness_at_half", 9.34, "taxa", decimals=1),
    ]
    verified = figure("verified_detections", 1, "segments", BLACKBIRD, over=(20, "segments"))
    pack = pack_of(summary_pack_of, *figures, verified)
    assert "5 of 7 days at Marsh (listeners verified 1 segment) [a4, a9]." in told(pack, "occupancy")[0]
    assert (
        "Richness: 12 taxa on 24 recorder-days (listeners verified segments of 1 taxon);" in told(pack, "richness")[0]
    )
    pack = pack_of(summary_pack_of, *figures, verified.model_copy(update={"value": 0.0}))
    assert "5 of 7 days at Marsh (unverified) [a4]." in told(pack, "occupancy")[0]
    assert "Richness, unverified: 12 taxa on 24 recorder-days;" in told(pack, "richness")[0]


def test_each_taxon_has_its_own_times(summary_pack_of: Build) -> None:
    """A taxon's hours and parts of the day are told after those of all taxa, and not in their place."""
    by_time = [
        ("detections_by_hour", "04", "04:00–05:00", 6),
        ("detections_by_hour", "12", "12:00–13:00", 20),
        ("taxon_by_hour", f"{BLACKBIRD}\t04", "Eurasian Blackbird, 04:00–05:00", 12),
        ("taxon_by_hour", f"{BLACKBIRD}\t12", "Eurasian Blackbird, 12:00–13:00", 3),
        ("taxon_by_sun", f"{BLACKBIRD}\tdawn", "Eurasian Blackbird, within an hour of sunrise", 12),
        ("taxon_by_sun", f"{BLACKBIRD}\tday", "Eurasian Blackbird, day", 3),
    ]
    found = [figure(name, value, "segments", group, words, (3, "h")) for name, group, words, value in by_time]
    thrush = figure("detections", 1, "segments", THRUSH, over=(10, "h"))
    assert told(pack_of(summary_pack_of, thrush, *found), "temporal_pattern") == [
        "Most detections per hour of effort, unverified: 6.67 segments/h at 12:00–13:00 (20 segments in 3.00 h) [a5].",
        "Eurasian Blackbird (Turdus merula), most detections per hour of effort, unverified: 4.00 segments/h at "
        "04:00–05:00 (12 segments in 3.00 h) [a6].",
        "Eurasian Blackbird (Turdus merula), detections per hour of effort, unverified: 4.00 segments/h within an hour "
        "of sunrise (12 segments in 3.00 h) and 1.00 segments/h by day (3 segments in 3.00 h) [a8, a9].",
    ]
    verified = figure("verified_detections", 1, "segments", BLACKBIRD, over=(20, "segments"))
    pack = pack_of(summary_pack_of, thrush, *found, verified)
    assert all("verified or not" in sentence for sentence in told(pack, "temporal_pattern"))
    alone = pack_of(summary_pack_of, *found)
    assert len(told(alone, "temporal_pattern")) == 1, "the times of all taxa are those of the only one"


def test_times_with_too_little_effort_are_left_out_aloud(summary_pack_of: Build) -> None:
    """An hour of three minutes is no peak, and the sentence says that one was left out."""
    hours = (("04", 9, 0.05), ("05", 12, 3.0), ("06", 3, 3.0))
    found = [figure("detections_by_hour", value, "segments", hour, hour, (h, "h")) for hour, value, h in hours]
    assert told(pack_of(summary_pack_of, *found), "temporal_pattern") == [
        "Most detections per hour of effort, unverified: 4.00 segments/h at 05:00–06:00 (12 segments in 3.00 h); left "
        "out, with less than 0.25 h of effort: 1 clock hour [a4]."
    ]


def test_where_no_time_can_be_compared_that_is_said(summary_pack_of: Build) -> None:
    """A day of a minute an hour has no peak: a manager learns why nothing stands there."""
    found = [figure("detections_by_hour", 4, "segments", hour, hour, (0.02, "h")) for hour in ("04", "05", "06")]
    pack = pack_of(summary_pack_of, *found)
    assert told(pack, "temporal_pattern") == []
    assert "No hours, weeks, months or parts of the day are compared: too few have 0.25 h of effort [a1]." in told(
        pack, "caveat"
    )


def test_a_taxon_does_not_borrow_the_times_of_another(summary_pack_of: Build) -> None:
    """A peak of all taxa, or of another taxon, is no peak of the one that a claim names."""
    hours = {"04": (12, 3), "12": (3, 12)}
    found = [
        figure("taxon_by_hour", values[place], "segments", f"{taxon}\t{hour}", f"{taxon}, {hour}", (3, "h"))
        for place, taxon in enumerate((BLACKBIRD, THRUSH))
        for hour, values in hours.items()
    ]
    pack = pack_of(summary_pack_of, figure("detections", 15, "segments", THRUSH, over=(10, "h")), *found)
    own = [fact.claim for fact in facts(pack) if fact.claim.kind == "temporal_pattern"]
    assert [claim.taxon for claim in own] == [BLACKBIRD, THRUSH]
    for borrowed in (own[0].model_copy(update={"taxon": THRUSH}), own[1].model_copy(update={"taxon": None})):
        _, dropped = validate([borrowed.model_copy(update={"id": "x"})], pack)
        assert dropped[0].code in ("E_UNSUPPORTED", "E_TAXON")


@pytest.mark.parametrize(
    ("name", "groups"), [("detections_by_sun", ("night", "dawn")), ("detections_by_week", ("2025-05-05", "2025-05-12"))]
)
def test_seconds_of_sound_show_no_pattern(name: str, groups: tuple[str, str], summary_pack_of: Build) -> None:
    """A rate from a minute of sound is told of no season and of no time of the sun."""
    for hours, n_told in ((0.02, 0), (2.0, 1)):
        found = [
            figure(name, value, "segments", one, one, (hours, "h")) for one, value in zip(groups, (4, 16), strict=True)
        ]
        assert len(told(pack_of(summary_pack_of, *found), "temporal_pattern")) == n_told


def test_a_side_without_effort_is_no_side(summary_pack_of: Build) -> None:
    """Where nothing was recorded on the other side, that is the reason that is given."""
    apart = figure("compared_hours", 0, "clock hours", "nothing", "site=Nowhere")
    silent = figure("side_effort", 0, "h", "there", decimals=1)
    assert told(pack_of(summary_pack_of, apart, silent), "comparison") == [
        "No comparison with “site=Nowhere” is made: the effort there is 0.0 h [a3, a4]."
    ]


def test_a_comparison_tells_what_its_test_tells(summary_pack_of: Build) -> None:
    """A direction is told where the corrected test allows one, and otherwise that none can be."""
    figures = [*DESIGN, *OUTCOME, *contrast(BLACKBIRD, 7.3, 0.012), *contrast(THRUSH, -3.2, 0.4)]
    pack = pack_of(summary_pack_of, figure("detections", 9, "segments", THRUSH, over=(10, "h")), *figures)
    assert [sentence.partition(" [")[0] for sentence in told(pack, "comparison")] == [
        "Compared with “site=Ridge” on shared dates, in 12 clock hours that both sides have: 9 recorder-days "
        "with 30.0 h of sound here, 9 recorder-days with 28.5 h there",
        "Of 2 taxa tested, a difference can be shown for 1 taxon",
        "Eurasian Blackbird (Turdus merula), unverified: 12.40 segments/h here (8 of 9 recorder-days with a "
        "detection), 5.10 segments/h there (5 of 9 recorder-days); detected more often here. Difference 7.30 "
        "segments/h (interval 5.30 segments/h to 9.30 segments/h), p 0.0120 after Holm",
        "Song Thrush (Turdus philomelos), unverified: 12.40 segments/h here (8 of 9 recorder-days with a detection), "
        "15.60 segments/h there (5 of 9 recorder-days); no difference can be shown. Difference −3.20 segments/h "
        "(interval −5.20 segments/h to −1.20 segments/h), p 0.4000 after Holm",
    ]


def test_less_often_is_told_as_such(summary_pack_of: Build) -> None:
    """A difference below nothing, with a test that allows it, is `less`."""
    pack = pack_of(summary_pack_of, *DESIGN, *OUTCOME, *contrast(BLACKBIRD, -3.2, 0.01))
    assert "detected less often here" in told(pack, "comparison")[2]


def test_untested_sides_are_said_to_be_so(summary_pack_of: Build) -> None:
    """Too few days, or nothing shared: no taxon is compared, and the reason is given."""
    least = figure("compared_min_days", 5, "recorder-days")
    assert told(pack_of(summary_pack_of, *DESIGN, least), "comparison")[1] == (
        "No difference can be shown between the sides: a test needs 5 recorder-days on each, and taxa that recur [a8]."
    )
    apart = figure("compared_hours", 3, "clock hours", "nothing", "site=Ridge")
    assert told(pack_of(summary_pack_of, apart), "comparison") == [
        "No comparison with “site=Ridge” is made: in no hour of the clock do both sides have recordings of the same "
        "date or site [a3]."
    ]


@pytest.mark.parametrize("code", ["more", "less"])
def test_no_direction_without_a_test(code: str, summary_pack_of: Build) -> None:
    """A claim of more or less where p is above the limit is dropped, whoever makes it."""
    pack = pack_of(summary_pack_of, *DESIGN, *OUTCOME, *contrast(BLACKBIRD, 7.3, 0.06))
    honest = next(fact.claim for fact in facts(pack) if fact.claim.code == "same")
    served, dropped = validate([honest.model_copy(update={"id": "x", "code": code})], pack)
    assert ("E_UNSUPPORTED", "the corrected test does not say so") == (dropped[0].code, dropped[0].reason)
    assert code not in {claim.code for claim in served}


@pytest.mark.parametrize(
    ("kind", "code"), [("occupancy", "history"), ("temporal_pattern", "sun"), ("model_agreement", "total")]
)
def test_no_part_of_a_whole_may_be_left_out(kind: str, code: str, summary_pack_of: Build) -> None:
    """Days at every site, every time of the sun, every model: one of them left out is a cherry picked."""
    figures = [
        figure("history_days", 5, "days", f"{BLACKBIRD}\tMarsh", "Eurasian Blackbird at Marsh", (7, "days")),
        figure("history_days", 0, "days", f"{BLACKBIRD}\tRidge", "Eurasian Blackbird at Ridge", (6, "days")),
        figure("detections_by_sun", 4, "segments", "night", "night", (2, "h")),
        figure("detections_by_sun", 16, "segments", "dawn", "dawn", (4, "h")),
        figure("models_recordings", 12, "recordings"),
        figure("models_shared", 20, "pairs", over=(32, "pairs")),
        figure("models_alone", 5, "pairs", "birdnet-v2.4", over=(32, "pairs")),
        figure("models_alone", 7, "pairs", "perch-v2", over=(32, "pairs")),
    ]
    pack = pack_of(summary_pack_of, *figures)
    whole = next(fact.claim for fact in facts(pack) if (fact.claim.kind, fact.claim.code) == (kind, code))
    assert _dropped(_without(whole, whole.support[-1]), pack) == "E_CHERRY_PICKED"


def test_a_lesser_week_is_no_peak(summary_pack_of: Build) -> None:
    """The week with fewer detections per hour of effort cannot be named as the peak."""
    weeks = [
        figure("detections_by_week", 20, "segments", "2025-05-05", "week of 2025-05-05", (5, "h")),
        figure("detections_by_week", 5, "segments", "2025-05-12", "week of 2025-05-12", (5, "h")),
    ]
    pack = pack_of(summary_pack_of, *weeks)
    peak = next(fact.claim for fact in facts(pack) if fact.claim.code == "season")
    other = pack.item_id("a4")
    quantity = peak.quantities[0].model_copy(update={"ref": f"{other}:rate", "value": 1.0, "source": (other,)})
    wrong = peak.model_copy(update={"support": (other,), "quantities": (quantity,)})
    assert _dropped(wrong, pack) == "E_UNSUPPORTED"


def test_everything_found_holds(summary_pack_of: Build) -> None:
    """Facts and needs, which know nothing of each other, agree on every claim of a full pack."""
    figures = [
        figure("occupied_sites", 2, "sites", BLACKBIRD, over=(3, "sites")),
        figure("novel_segments", 3, "segments", over=(1310, "segments")),
        *DESIGN,
        *OUTCOME,
        *contrast(BLACKBIRD, 7.3, 0.012),
    ]
    pack = pack_of(summary_pack_of, *figures)
    _, dropped = validate([fact.claim for fact in facts(pack)], pack)
    assert () == dropped


def _without(claim: Claim, item_id: str) -> Claim:
    kept = tuple(one for one in claim.support if one != item_id)
    quantities = tuple(one for one in claim.quantities if item_id not in one.source)
    return claim.model_copy(update={"id": "x", "support": kept, "quantities": quantities})


def _dropped(claim: Claim, pack: EvidencePack) -> str:
    return validate([claim], pack)[1][0].code
