"""SegmentFilter: conditions on segments, and what they mean.

Equal questions are equal values, as far as spelling goes: sets are sorted, alternatives are sorted and flattened,
`not not` and `not (a or b)` are resolved, and alternatives of one condition become one set of values. So equal
questions give equal words, and equal bytes in an Evidence Pack.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rab.domain.filter.payload import SegmentPayload, UtcInstant
from rab.domain.filter.place import Box, Near
from rab.domain.filter.spelling import (
    MONTH_DAYS,
    quoted,
    shown_box,
    shown_hours,
    shown_month_days,
    shown_near,
    shown_number,
    shown_time,
)
from rab.domain.label import LabelSource
from rab.domain.value import Db, Fraction, Value
from rab.errors import InputError

MAX_DEPTH = 8
"""Filters that may stand inside each other; engines walk them by recursion."""

_MAX_FILTERS = 128
"""Filters in one, itself included: SQLite takes an expression 1,000 deep."""

_MAX_VALUES = 10_000
"""Values in one filter: SQLite takes 32,766 in a statement."""

LEAST_PRECISION, MOST_PRECISION = 0.5, 0.99
"""What a threshold may be asked for: the bounds of `rab calibrate --precision`."""


def _sorted_set(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(set(values)))


def _one_or_many(given: object) -> object:
    return () if given is None else (given,) if isinstance(given, SegmentFilter | dict) else given


def _day(month_day: int) -> int:
    if month_day not in MONTH_DAYS:
        raise ValueError(f"{month_day} is no day of the year")
    return month_day


Texts = Annotated[tuple[str, ...], AfterValidator(_sorted_set)]
"""Values of a condition: a set, kept sorted, so that equal questions are equal values and give equal bytes."""

Hours = Annotated[tuple[Annotated[int, Field(ge=0, le=23)], ...], AfterValidator(_sorted_set)]
MonthDays = Annotated[tuple[Annotated[int, AfterValidator(_day)], ...], AfterValidator(_sorted_set)]
Sources = Annotated[tuple[LabelSource, ...], AfterValidator(_sorted_set)]
Alternatives = tuple["SegmentFilter", ...]


class SegmentFilter(Value):
    """All given conditions hold together; within one condition any of its values will do. Empty matches everything.

    A condition on something that a segment does not have (no site, no start time, no SNR) does not match it, so a
    filter that excludes by that condition keeps the segment.
    """

    sites: Texts = ()
    habitats: Texts = ()
    recording_ids: Texts = ()
    models: Texts = ()
    """`EmbedderCard.key` of the model that cut and embedded the segment."""
    taxa: Texts = ()
    """Scientific names detected at or above the model's threshold and not out of range; with a bound on the raw score,
    that bound stands in the threshold's place."""
    raw_score_min: Fraction | None = None
    """Inclusive; of one of `taxa`, or of any taxon where none is named. Taxa out of range do not count."""
    raw_score_max: Fraction | None = None
    """Inclusive, of the same score."""
    precision_min: Annotated[
        Fraction | None,
        Field(ge=LEAST_PRECISION, le=MOST_PRECISION, exclude_if=lambda precision: precision is None),
    ] = None
    """Of each of `taxa`, raw scores from the calibrated threshold on from which this share of answers is right. It is
    written only where it is asked for: a sealed pack of before has the bytes that it had."""
    labels: Texts = ()
    label_sources: Sources = ()
    """With `labels`, the source of that same label."""
    reviewed: bool = False
    """Only those that a person has labelled."""
    human_voice: bool = False
    """Only those in which a classifier heard people."""
    cluster_ids: Texts = ()
    local_hours: Hours = ()
    """Hours of the site's clock, 0–23."""
    month_days: MonthDays = ()
    """Days on the site's calendar, of any year: 100 × month + day."""
    heard_from: UtcInstant | None = None
    """Inclusive."""
    heard_before: UtcInstant | None = None
    """Exclusive."""
    box: Box | None = None
    near: Near | None = None
    snr_min_db: Db | None = None
    """Inclusive."""
    snr_max_db: Db | None = None
    """Inclusive."""
    any_of: tuple[Alternatives, ...] = ()
    """Of each of these groups, one filter at least matches."""
    exclude: Annotated[Alternatives, BeforeValidator(_one_or_many)] = ()
    """Segments that match one of these are left out."""

    @model_validator(mode="after")
    def _in_one_form(self) -> Self:
        if not all(self.any_of):
            raise ValueError("alternatives are missing")
        if self.precision_min is not None and not self.taxa:
            raise ValueError('precision>= needs a taxon beside it: taxon="Turdus merula" precision>=0.9')
        if crossed := _crossed_ends(self.conditions):
            raise ValueError(crossed)
        if self._depth > MAX_DEPTH:
            raise ValueError(f"filters stand at most {MAX_DEPTH} deep inside each other")
        if self._n_filters > _MAX_FILTERS or self._n_values > _MAX_VALUES:
            raise ValueError(f"it is too long: {_MAX_FILTERS} filters and {_MAX_VALUES:,} values are the most")
        if self.any_of or self.exclude:
            self.__dict__.update(_folded(self))  # frozen keeps callers out, not the making of it
        return self

    @property
    def parts(self) -> tuple["SegmentFilter", ...]:
        """The filters right inside this one: alternatives and exclusions."""
        return (*chain.from_iterable(self.any_of), *self.exclude)

    @property
    def conditions(self) -> dict[str, Any]:
        """The conditions that are given, by field, without alternatives and exclusions."""
        return {
            name: value
            for name in _CONDITIONS
            if (value := getattr(self, name)) is not None and value is not False and value != ()
        }

    @property
    def _depth(self) -> int:
        return 1 + max((part._depth for part in self.parts), default=0)

    @property
    def _n_filters(self) -> int:
        return 1 + sum(part._n_filters for part in self.parts)

    @property
    def _n_values(self) -> int:
        own = sum(len(value) for value in self.conditions.values() if isinstance(value, tuple))
        return own + sum(part._n_values for part in self.parts)

    @property
    def is_empty(self) -> bool:
        """Whether every segment matches."""
        return not (self.conditions or self.any_of or self.exclude)

    @property
    def asks_distance(self) -> bool:
        """Whether `near` stands in it anywhere, which an engine without geometry can only answer roughly."""
        return self.near is not None or any(part.asks_distance for part in self.parts)

    @property
    def asks_precision(self) -> bool:
        """Whether `precision_min` stands in it anywhere, which a model's calibration must turn into a raw score."""
        return self.precision_min is not None or any(part.asks_precision for part in self.parts)

    def require_raw_scores(self) -> None:
        """Raise `InputError` where a precision is asked for: whoever answers filters knows raw scores alone."""
        if self.asks_precision:
            raise InputError(
                f"the filter {self.words!r} asks for a precision, and no calibration has said which raw score that is",
                hint="give it to `rab.workflows.filters.understand` with the model whose scores are meant",
            )

    def matches(self, payload: SegmentPayload) -> bool:
        """Return whether a segment is among those meant. This is the definition that every store is held to.

        Raises `InputError` for a filter that asks for a precision.
        """
        self.require_raw_scores()
        return self._matches(payload)

    def _matches(self, payload: SegmentPayload) -> bool:
        return (
            (not self.sites or payload.site in self.sites)
            and (not self.habitats or payload.habitat in self.habitats)
            and (not self.recording_ids or payload.recording_id in self.recording_ids)
            and (not self.models or payload.model in self.models)
            and (not self.cluster_ids or payload.cluster_id in self.cluster_ids)
            and (not self.local_hours or payload.local_hour in self.local_hours)
            and (not self.month_days or payload.month_day in self.month_days)
            and (not self.reviewed or payload.reviewed)
            and (not self.human_voice or payload.human_voice)
            and _within(payload.snr_db, self.snr_min_db, self.snr_max_db)
            and self._matches_taxa(payload)
            and self._matches_labels(payload)
            and self._matches_time(payload.heard_at)
            and self._matches_place(payload.lat_deg, payload.lon_deg)
            and all(any(one._matches(payload) for one in group) for group in self.any_of)
            and not any(one._matches(payload) for one in self.exclude)
        )

    def _matches_taxa(self, payload: SegmentPayload) -> bool:
        if self.raw_score_min is None and self.raw_score_max is None:
            return not self.taxa or not set(self.taxa).isdisjoint(payload.taxa)
        return any(
            (not self.taxa or one.taxon in self.taxa) and _within(one.raw_score, self.raw_score_min, self.raw_score_max)
            for one in payload.scores
        )

    def _matches_labels(self, payload: SegmentPayload) -> bool:
        if not self.labels and not self.label_sources:
            return True
        return any(
            (not self.labels or one.name in self.labels)
            and (not self.label_sources or one.source in self.label_sources)
            for one in payload.labels
        )

    def _matches_time(self, heard_at: datetime | None) -> bool:
        if heard_at is None:
            return self.heard_from is None and self.heard_before is None
        return (self.heard_from is None or self.heard_from <= heard_at) and (
            self.heard_before is None or heard_at < self.heard_before
        )

    def _matches_place(self, lat_deg: float | None, lon_deg: float | None) -> bool:
        if lat_deg is None or lon_deg is None:
            return self.box is None and self.near is None
        return (self.box is None or self.box.holds(lat_deg, lon_deg)) and (
            self.near is None or self.near.holds(lat_deg, lon_deg)
        )

    @property
    def words(self) -> str:
        """The filter as people write it; `parse_filter` reads it back. Equal filters have equal words."""
        if len(self.any_of) == 1 and not self.conditions and not self.exclude:
            return _alternatives_in_words(self.any_of[0])
        return " ".join(self._in_words()) or "everything"

    def _in_words(self) -> list[str]:
        given = self.conditions
        words = [show(given[name]) for name, show in _CONDITIONS.items() if name in given]
        words += [f"({_alternatives_in_words(group)})" for group in self.any_of]
        for one in self.exclude:
            inner = one._in_words()
            words.append("not " + (one.words if len(inner) < 2 else f"({' '.join(inner)})"))
        return words


def _within(number: float | None, low: float | None, high: float | None) -> bool:
    if number is None:
        return low is None and high is None
    return (low is None or low <= number) and (high is None or number <= high)


def _alternatives_in_words(group: Alternatives) -> str:
    return " or ".join(one.words for one in group)


def _listed(key: str) -> Any:
    return lambda values: key + ",".join(map(quoted, values))


_CONDITIONS: dict[str, Any] = {
    "sites": _listed("site="),
    "habitats": _listed("habitat="),
    "recording_ids": _listed("recording="),
    "models": _listed("model="),
    "taxa": _listed("taxon="),
    "raw_score_min": lambda score: f"score>={shown_number(score)}",
    "raw_score_max": lambda score: f"score<={shown_number(score)}",
    "precision_min": lambda precision: f"precision>={shown_number(precision)}",
    "labels": _listed("label="),
    "label_sources": _listed("source="),
    "reviewed": lambda _: "reviewed",
    "human_voice": lambda _: "voice",
    "cluster_ids": _listed("cluster="),
    "local_hours": lambda hours: f"hour={shown_hours(hours)}",
    "month_days": lambda days: f"date={shown_month_days(days)}",
    "heard_from": lambda instant: f"from={shown_time(instant)}",
    "heard_before": lambda instant: f"before={shown_time(instant)}",
    "box": lambda box: f"box={shown_box(box)}",
    "near": lambda near: f"near={shown_near(near)}",
    "snr_min_db": lambda level: f"snr>={shown_number(level)}",
    "snr_max_db": lambda level: f"snr<={shown_number(level)}",
}
"""How each condition is written, in the order of words."""

_RANGES = (
    ("raw_score_min", "raw_score_max", "score"),
    ("heard_from", "heard_before", "time"),
    ("snr_min_db", "snr_max_db", "SNR"),
)
"""Fields that are the two ends of a range, and what lies in it."""

_ONE_CONDITION = ({"taxa", "raw_score_min", "raw_score_max", "precision_min"}, {"labels", "label_sources"})
"""Fields that speak of one thing together: two such conditions are not one."""


def _crossed_ends(given: dict[str, Any]) -> str:
    """Return what is wrong with a range whose end lies below its beginning, else nothing; hours and days go round."""
    for low, high, noun in _RANGES:
        if low not in given or high not in given:
            continue
        if given[low] > given[high] or (given[low] == given[high] and high == "heard_before"):
            ends = f"{_CONDITIONS[low](given[low])} {_CONDITIONS[high](given[high])}"
            return f"no {noun} can meet {ends}: swap the ends, or put `or` between them"
    return ""


def _folded(where: SegmentFilter) -> dict[str, Any]:
    """Return the fields of a filter in the one form that all spellings of it share."""
    own = where.conditions
    groups = deque(sorted(where.any_of, key=_alternatives_in_words))
    excluded = deque(where.exclude)
    kept: set[Alternatives] = set()
    left_out: list[SegmentFilter] = []
    while groups or excluded:
        if excluded:
            one = excluded.popleft()
            if len(one.any_of) == 1 and not one.conditions and not one.exclude:
                excluded.extend(one.any_of[0])  # not (a or b)
            elif one.exclude and not one.conditions and not one.any_of:
                groups.append(one.exclude)  # not not
            else:
                left_out.append(one)
            continue
        group = _united(groups.popleft())
        if len(group) == 1 and _can_join(own, group[0].conditions):
            own |= group[0].conditions
            groups.extend(group[0].any_of)
            excluded.extend(group[0].exclude)
        else:
            kept.add(group)
    exclude = _united(left_out)
    if exclude and exclude[0].is_empty:  # nothing matches, whatever else is asked
        unasked = {name: SegmentFilter.model_fields[name].default for name in _CONDITIONS}
        return {**unasked, "any_of": (), "exclude": exclude}
    return {**own, "any_of": tuple(sorted(kept, key=_alternatives_in_words)), "exclude": exclude}


def _united(group: Iterable[SegmentFilter]) -> Alternatives:
    """Return alternatives sorted, each once, with those of one set of values made one."""
    flat = chain.from_iterable(
        one.any_of[0] if len(one.any_of) == 1 and not one.conditions and not one.exclude else (one,) for one in group
    )
    sets: dict[str, set[Any]] = {}
    others: set[SegmentFilter] = set()
    for one in flat:
        if one.is_empty:
            return (one,)
        name, values = next(iter(one.conditions.items()), ("", None))
        if len(one.conditions) == 1 and isinstance(values, tuple) and not one.parts:
            sets.setdefault(name, set()).update(values)
        else:
            others.add(one)
    if sets or len(others) > 1:
        others -= {one for one in others if one.exclude and one.exclude[0].is_empty}  # what never matches adds nothing
    united = [SegmentFilter.model_validate({name: tuple(values)}) for name, values in sets.items()]
    return tuple(sorted([*others, *united], key=lambda one: one.words))


def _can_join(own: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether conditions may stand beside others and mean the same."""
    if any(name in own and own[name] != value for name, value in other.items()):
        return False
    for unit in _ONE_CONDITION:
        first, second = ({name: of[name] for name in unit & of.keys()} for of in (own, other))
        if first and second and first != second:
            return False
    return not _crossed_ends(own | other)
