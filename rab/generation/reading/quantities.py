"""Quantities: the only source of printable numbers, and the one way in which a number is printed.

A reference is an item's id and the name of a figure (`n1.38d0:similarity`), or a figure of the whole pack
(`vote:Turdus merula`, `policy:near_similarity`). Derived figures (a difference to the query, a rate, a count of votes)
name the items that they rest on. A number and its unit are printed as one phrase, so that a text can be searched for
phrases that no quantity gives.

One figure is not in the table, because it depends on what a claim cites: `cited:calls` counts the claim's own support.
"""

import math
from collections.abc import Iterable, Iterator

from rab.domain import (
    MEASURES,
    AggregateEntry,
    Descriptors,
    EvidencePack,
    FollowingEntry,
    NeighbourEntry,
    PrototypeEntry,
    Quantity,
    QueryEntry,
    SequenceStep,
    TaxonScoreEntry,
)
from rab.generation.policy import DEFAULT_POLICY, GroundingPolicy
from rab.generation.reading.pack import Reading
from rab.generation.reading.tally import TIME_UNITS, has_rate, rate

CITED_CALLS = "cited:calls"
COSINE, RAW_SCORE, PROBABILITY = "cosine", "raw score", "calibrated probability"
DIMENSIONLESS = frozenset({"", COSINE, RAW_SCORE, PROBABILITY})
"""Units that are not printed after the number; the sentence names them."""

_LARGER = {"Hz": "kHz", "Hz/s": "kHz/s", "ms": "s"}
"""Units of a thousand."""

CALIBRATED = ("probability", "probability_low", "probability_high", "calibration_labels", "calibration_taxa")
"""Figures of a score that has a calibrated probability."""

FOLLOWING = ("within_s", "cases", "followed", "recordings", "by_chance", "median_gap_s")
"""Figures of what usually comes before or after."""


def quantities(pack: EvidencePack, policy: GroundingPolicy = DEFAULT_POLICY) -> dict[str, Quantity]:
    """Return every printable number of a pack, by reference: value, unit, decimals, and the items it rests on."""
    return quantities_of(Reading(pack, policy))


def quantities_of(reading: Reading) -> dict[str, Quantity]:
    """Return every printable number of a pack that has been read."""
    return {quantity.ref: quantity for quantity in _all(reading)}


def cited_calls(support: tuple[str, ...]) -> Quantity:
    """Return the number of calls that a claim cites in support."""
    return Quantity(ref=CITED_CALLS, value=len(support), unit="stored calls", decimals=0, source=support)


def printed(quantity: Quantity) -> str:
    """Return a number with its unit as one phrase: `0.83`, `1 call`, `+640 Hz`, `31%`. A difference shows its sign."""
    number = _number(quantity)
    if quantity.unit in DIMENSIONLESS:
        return number
    if quantity.unit == "%":
        return f"{number}%"
    unit = _readable(quantity)[1]
    return f"{number} {_singular(unit) if number.lstrip('+−') == '1' else unit}"


def is_visible(quantity: Quantity) -> bool:
    """Return whether a number is not printed as zero."""
    return any(digit in "123456789" for digit in _number(quantity))


def delta_ref(item_id: str, measure: str) -> str:
    """Return the reference of the difference between the query and an item."""
    return f"{item_id}:delta:{measure}"


def resolved_measures(query: Descriptors, other: Descriptors) -> list[str]:
    """Return the descriptors that differ by more than their resolution, greatest first in units of it."""
    ratios = {
        name: abs(difference) / measure.resolution
        for name, measure in MEASURES.items()
        if (difference := _difference(query, other, name)) is not None
    }
    return sorted((name for name, ratio in ratios.items() if ratio > 1), key=lambda name: -ratios[name])


def _readable(quantity: Quantity) -> tuple[float, str, int]:
    """Return value, unit and decimals as they are printed: 1,840 Hz as 1.84 kHz, 1,279 ms as 1.28 s."""
    larger = _LARGER.get(quantity.unit)
    if larger is None or abs(quantity.value) < 999.5:
        return quantity.value, quantity.unit, quantity.decimals
    return quantity.value / 1000, larger, 2


def _number(quantity: Quantity) -> str:
    value, _, decimals = _readable(quantity)
    number = f"{abs(value):,.{decimals}f}"
    if ":delta:" in quantity.ref:
        return f"{'−' if quantity.value < 0 else '+'}{number}"
    return f"−{number}" if quantity.value < 0 and any(digit in "123456789" for digit in number) else number


def _singular(unit: str) -> str:
    if unit == "taxa":
        return "taxon"
    return (
        unit[:-1] if len(unit) > 2 and unit.endswith("s") and unit.replace("-", "").replace(" ", "").isalpha() else unit
    )


def _difference(query: Descriptors, other: Descriptors, measure: str) -> float | None:
    ours, theirs = getattr(query, measure), getattr(other, measure)
    return None if ours is None or theirs is None or not math.isfinite(ours - theirs) else round(ours - theirs, 6)


def _all(reading: Reading) -> Iterator[Quantity]:
    yield from _of_query(reading)
    for neighbour in reading.pack.neighbours:
        yield from _of_similar(reading, neighbour)
    for prototype in reading.pack.prototypes:
        yield from _of_similar(reading, prototype)
        yield from _of_members(reading, prototype)
    for step in reading.pack.sequence:
        yield from _of_step(reading, step)
    for following in reading.pack.followings:
        yield from _of_following(reading, following)
    for scored in reading.pack.taxon_scores:
        yield from _of_score(reading, scored)
    for entry in reading.pack.aggregates:
        yield from _of_aggregate(reading, entry)
    yield from _of_pack(reading)


def _figure(
    reading: Reading,
    item: NeighbourEntry | PrototypeEntry | SequenceStep | FollowingEntry | TaxonScoreEntry | AggregateEntry,
    name: str,
    value: float,
    unit: str,
    decimals: int,
) -> Quantity:
    item_id = reading.id_of(item)
    return Quantity(ref=f"{item_id}:{name}", value=value, unit=unit, decimals=decimals, source=(item_id,))


def _of_query(reading: Reading) -> Iterator[Quantity]:
    query = reading.query
    if query is None:
        return
    item_id, quality = reading.id_of(query), query.quality
    figures = (
        ("snr_db", quality.snr_db, "dB", 1),
        ("band_low_hz", quality.band_low_hz, "Hz", 0),
        ("band_high_hz", quality.band_high_hz, "Hz", 0),
        ("noise_floor_dbfs", quality.noise_floor_dbfs, "dBFS", 1),
        ("peak_dbfs", quality.peak_dbfs, "dBFS", 1),
        ("clipped_share", round(100 * quality.clipped_fraction, 2), "%", 1),
        ("overlap_share", round(100 * quality.overlap_fraction, 2), "%", 0),
        *((name, getattr(query.descriptors, name), m.unit, m.decimals) for name, m in MEASURES.items()),
        *_limits(query),
        ("less_far_share", _less_far(query), "%", 1),
    )
    for name, value, unit, decimals in figures:
        if value is not None:
            yield Quantity(ref=f"{item_id}:{name}", value=value, unit=unit, decimals=decimals, source=(item_id,))


def _less_far(query: QueryEntry) -> float | None:
    """Return the share of the library that lies less far out, in per cent, cut after one decimal: 99.96 is no 100."""
    return None if query.novelty is None else math.floor(1000 * query.novelty) / 10


def _limits(query: QueryEntry) -> Iterator[tuple[str, float | None, str, int]]:
    """Yield where a label of the query would begin and end: in its recording, and in frequency where that is known."""
    yield "begin_s", round(query.call.t0_ms / 1000, 6), "s", 3
    yield "end_s", round(query.call.t1_ms / 1000, 6), "s", 3
    band = frequency_limits(query)
    if band is not None:
        yield from (("limit_low_hz", band[0], "Hz", 0), ("limit_high_hz", band[1], "Hz", 0))


def frequency_limits(query: QueryEntry) -> tuple[float, float] | None:
    """Return the band of a call that a model found, else the band that was measured on the segment; None without."""
    quality = query.quality
    for low_hz, high_hz in ((query.low_hz, query.high_hz), (quality.band_low_hz, quality.band_high_hz)):
        if low_hz is not None and high_hz is not None:
            return low_hz, high_hz
    return None


def _of_similar(reading: Reading, item: NeighbourEntry | PrototypeEntry) -> Iterator[Quantity]:
    yield _figure(reading, item, "similarity", item.similarity, COSINE, 2)
    if reading.query is None:
        return
    item_id, query_id = reading.id_of(item), reading.id_of(reading.query)
    for name, measure in MEASURES.items():
        difference = _difference(reading.query.descriptors, item.descriptors, name)
        if difference is not None:
            yield Quantity(
                ref=delta_ref(item_id, name),
                value=difference,
                unit=measure.unit,
                decimals=measure.decimals,
                source=(query_id, item_id),
            )


def _of_members(reading: Reading, prototype: PrototypeEntry) -> Iterator[Quantity]:
    yield _figure(reading, prototype, "members", prototype.n_members, "members", 0)
    for count in prototype.names:
        yield _figure(reading, prototype, f"named:{count.scientific_name}", count.n_members, "", 0)


def _of_step(reading: Reading, step: SequenceStep) -> Iterator[Quantity]:
    yield _figure(reading, step, "steps", abs(step.offset), "steps", 0)
    gap_s = round(step.gap_ms / 1000, 6)
    yield _figure(reading, step, "gap_s", gap_s, "s", 3 if 0 < abs(gap_s) < 1 else 1)  # bats call in milliseconds


def _of_following(reading: Reading, following: FollowingEntry) -> Iterator[Quantity]:
    gap_s = round(following.median_gap_ms / 1000, 6)
    for name, value, unit, decimals in (
        ("within_s", following.within_ms / 1000, "s", 0 if following.within_ms % 1000 == 0 else 3),
        ("cases", following.n, "cases", 0),
        ("followed", following.n_followed, "", 0),
        ("recordings", following.n_recordings, "recordings", 0),
        ("by_chance", following.n_by_chance, "", 1),
        ("median_gap_s", gap_s, "s", 3 if 0 < abs(gap_s) < 1 else 1),
    ):
        yield _figure(reading, following, name, value, unit, decimals)


def _of_score(reading: Reading, scored: TaxonScoreEntry) -> Iterator[Quantity]:
    yield _figure(reading, scored, "raw_score", scored.score.raw_score, RAW_SCORE, 2)
    probability, calibration = reading.probability(scored), scored.calibration
    if probability is None or calibration is None:
        return
    for name, value in (
        ("probability", probability),
        ("probability_low", calibration.low),
        ("probability_high", calibration.high),
    ):
        yield _figure(reading, scored, name, value, PROBABILITY, _decimals(value))
    yield _figure(reading, scored, "calibration_labels", calibration.n, "labels", 0)
    if calibration.pooled_taxa is not None:
        yield _figure(reading, scored, "calibration_taxa", calibration.pooled_taxa - 1, "other taxa", 0)


def _decimals(probability: float) -> int:
    """Return as many decimals as keep a probability from printing as 0 or 1, four at most."""
    return next((n for n in (2, 3) if 0 < round(probability, n) < 1), 4)


def _of_aggregate(reading: Reading, entry: AggregateEntry) -> Iterator[Quantity]:
    yield _figure(reading, entry, "value", entry.value, entry.unit, entry.decimals)
    if entry.denominator is None:
        return
    over = entry.denominator_unit or ""
    if entry.unit == over:
        yield _figure(reading, entry, "count", entry.value, "", entry.decimals)  # its denominator prints the unit
    decimals = _effort_decimals(entry.denominator) if over == "h" else 0
    yield _figure(reading, entry, "denominator", entry.denominator, over, decimals)
    if has_rate(entry):
        yield _figure(reading, entry, "rate", round(rate(entry), 6), f"{entry.unit}/{over}".strip("/"), 2)


def _effort_decimals(hours: float) -> int:
    """Return how many decimals show an effort that is enough to be compared: a quarter of an hour is."""
    return 2 if hours < 10 else 1


def _of_pack(reading: Reading) -> Iterator[Quantity]:
    named = reading.ids_of(reading.named)
    for taxon, ballot in reading.votes.items():
        yield _count(f"vote:{taxon}", len(ballot), "calls", reading.ids_of(ballot))
    yield _count("near:named", len(named), "named calls", named)
    yield _count("near:model_named", len(reading.model_named), "calls", reading.ids_of(reading.model_named))
    yield _count("near:imported", len(reading.imported), "calls", reading.ids_of(reading.imported))
    near = reading.ids_of(reading.near)
    yield _count("near:recordings", reading.independent_recordings(reading.near), "recordings", near)
    yield from _of_labels(reading)
    yield _count("set_aside:candidates", len(reading.set_aside), "candidates", reading.ids_of(reading.set_aside))
    outside = reading.tally.outside
    yield _count("set_aside:detections", sum(entry.value for entry in outside), "detections", reading.ids_of(outside))
    yield _count("set_aside:taxa", len(outside), "taxa", reading.ids_of(outside))
    verified = reading.tally.verified_on_days
    yield _count("verified:taxa", len(verified), "taxa", reading.ids_of(verified))
    for unit, words in TIME_UNITS.items():
        yield _count(f"left_out:{unit}", len(reading.tally.left_out(unit)), words, ())
    least_h = reading.policy.min_bin_effort_hours
    yield Quantity(ref="policy:min_bin_effort_hours", value=least_h, unit="h", decimals=2, source=())
    total, most = reading.tally.parts(["n_taxa"]), reading.policy.max_taxa
    if total and total[0].value > most:
        yield _count("unlisted:taxa", total[0].value - most, "taxa", reading.ids_of(total))
        yield _count("policy:max_taxa", most, "taxa", ())
    for name, unit in (("near_similarity", COSINE), ("candidate_score", RAW_SCORE)):
        value = getattr(reading.policy, name)
        yield Quantity(ref=f"policy:{name}", value=value, unit=unit, decimals=2, source=())
    weak_db = reading.policy.weak_signal_db
    yield Quantity(ref="policy:weak_signal_db", value=weak_db, unit="dB", decimals=1, source=())


def _of_labels(reading: Reading) -> Iterator[Quantity]:
    """Yield how many near calls people label, by name, and from how many recordings other than the query's own."""
    heard = [one for one in reading.near if one.name is not None and one.name.source == "human"]
    for taxon in dict.fromkeys(one.name.scientific_name for one in heard if one.name is not None):
        own = [one for one in heard if one.name is not None and one.name.scientific_name == taxon]
        yield _count(f"labelled_as:{taxon}", len(own), "calls", reading.ids_of(own))
    if heard:
        yield _count("labelled:recordings", reading.independent_recordings(heard), "recordings", reading.ids_of(heard))


def _count(ref: str, value: float, unit: str, source: Iterable[str]) -> Quantity:
    return Quantity(ref=ref, value=value, unit=unit, decimals=0, source=tuple(source))
