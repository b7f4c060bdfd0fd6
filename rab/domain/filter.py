"""SegmentFilter: which segments a question is about. One type for the command line, HTTP, Python and every store.

It has two spellings of one meaning: fields, for programs, and words, for people:

    site=A12,B7 hour=22..3 snr>=10 taxon="Turdus merula" from=2025-05-03 before=2025-05-04T06:00Z not cluster=c3.9fa2

Conditions stand side by side and all hold; values of one condition are separated by commas, and any of them will do.
`not` takes the one condition that follows, or several in parentheses, which then leave out what matches them all. A
value with a space, a comma, a quote or a parenthesis is quoted as in JSON. Hours are those of the site's clock, and a
range may pass midnight. A date without a zone is read as UTC. `everything` is the filter without conditions.
"""

import json
import re
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from rab.domain.value import Db, Instant, Value
from rab.errors import InputError

_MAX_DEPTH = 8
"""Filters that may stand inside each other; engines walk them by recursion."""


def _as_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time lies outside the years 1 to 9999") from None


Texts = Annotated[tuple[str, ...], AfterValidator(lambda values: tuple(sorted(set(values))))]
"""Values of a condition: a set, kept sorted, so that equal questions are equal values and give equal bytes."""

Hours = Annotated[
    tuple[Annotated[int, Field(ge=0, le=23)], ...], AfterValidator(lambda values: tuple(sorted(set(values))))
]
UtcInstant = Annotated[Instant, AfterValidator(_as_utc)]


class SegmentFilter(Value):
    """All given conditions hold together; within one condition any of its values will do. Empty matches everything.

    A condition on something that a segment does not have (no site, no start time, no SNR) does not match it, so a
    filter that excludes by that condition keeps the segment.
    """

    sites: Texts = ()
    recording_ids: Texts = ()
    taxa: Texts = ()
    """Scientific names detected at or above the model's threshold and not out of range."""
    cluster_ids: Texts = ()
    local_hours: Hours = ()
    """Hours of the site's clock, 0–23."""
    heard_from: UtcInstant | None = None
    """Inclusive."""
    heard_before: UtcInstant | None = None
    """Exclusive."""
    snr_min_db: Db | None = None
    """Inclusive."""
    snr_max_db: Db | None = None
    """Inclusive."""
    exclude: "SegmentFilter | None" = None
    """Segments that match this one too are left out."""

    @model_validator(mode="after")
    def _in_bounds(self) -> Self:
        if self._depth > _MAX_DEPTH:
            raise ValueError(f"filters stand at most {_MAX_DEPTH} deep inside each other")
        return self

    @property
    def _depth(self) -> int:
        return 1 if self.exclude is None else 1 + self.exclude._depth

    @property
    def is_empty(self) -> bool:
        """Whether every segment matches."""
        return self == SegmentFilter()

    def matches(self, payload: "SegmentPayload") -> bool:
        """Return whether a segment is among those meant. This is the definition that every store is held to."""
        return (
            (not self.sites or payload.site in self.sites)
            and (not self.recording_ids or payload.recording_id in self.recording_ids)
            and (not self.taxa or not set(self.taxa).isdisjoint(payload.taxa))
            and (not self.cluster_ids or payload.cluster_id in self.cluster_ids)
            and (not self.local_hours or payload.local_hour in self.local_hours)
            and self._matches_time(payload.heard_at)
            and self._matches_snr(payload.snr_db)
            and (self.exclude is None or not self.exclude.matches(payload))
        )

    def _matches_time(self, heard_at: datetime | None) -> bool:
        if heard_at is None:
            return self.heard_from is None and self.heard_before is None
        return (self.heard_from is None or self.heard_from <= heard_at) and (
            self.heard_before is None or heard_at < self.heard_before
        )

    def _matches_snr(self, snr_db: float | None) -> bool:
        if snr_db is None:
            return self.snr_min_db is None and self.snr_max_db is None
        return (self.snr_min_db is None or self.snr_min_db <= snr_db) and (
            self.snr_max_db is None or snr_db <= self.snr_max_db
        )

    @property
    def words(self) -> str:
        """The filter as people write it; `parse_filter` reads it back. Equal filters have equal words."""
        return " ".join(self._conditions()) or "everything"

    def _conditions(self) -> list[str]:
        lists = [
            ("site=", self.sites),
            ("recording=", self.recording_ids),
            ("taxon=", self.taxa),
            ("cluster=", self.cluster_ids),
        ]
        words = [key + ",".join(map(_quoted, values)) for key, values in lists if values]
        if self.local_hours:
            words.append("hour=" + ",".join(_hour_ranges(self.local_hours)))
        words += [
            key + show
            for key, show in [
                ("from=", _shown_time(self.heard_from)),
                ("before=", _shown_time(self.heard_before)),
                ("snr>=", _shown_number(self.snr_min_db)),
                ("snr<=", _shown_number(self.snr_max_db)),
            ]
            if show is not None
        ]
        if self.exclude is not None:
            inner = self.exclude._conditions()
            words.append("not " + (self.exclude.words if len(inner) < 2 else f"({' '.join(inner)})"))
        return words


class SegmentPayload(Value):
    """What a store keeps beside a vector, so that a search can be filtered; the catalog keeps the whole truth."""

    segment_id: str
    recording_id: str
    site: str | None = None
    heard_at: UtcInstant | None = None
    local_hour: int | None = Field(default=None, ge=0, le=23)
    snr_db: Db | None = None
    taxa: tuple[str, ...] = ()
    cluster_id: str | None = None


def parse_filter(text: str) -> SegmentFilter:
    """Read a filter from words, in the grammar above. Raises `InputError` that says what could not be used."""
    try:
        tokens = deque(_tokens(text.strip()))
        where = _read_filter(tokens, depth=1)
        if tokens:
            raise ValueError("a parenthesis closes that none opened")
    except ValidationError as error:
        raise _unusable(text, error.errors()[0]["msg"].removeprefix("Value error, ")) from error
    except ValueError as error:
        raise _unusable(text, str(error)) from error
    return where


def _unusable(text: str, why: str) -> InputError:
    return InputError(
        f"the filter {text!r} cannot be used: {why}",
        hint='write it like this: site=A12,B7 hour=4..6 snr>=10 taxon="Turdus merula" from=2025-05-03 not cluster=c3',
    )


_BARE = r'[^\s,"()]+'
_VALUE = rf'(?:"(?:[^"\\]|\\.)*"|{_BARE})'
_TOKEN = re.compile(
    rf"\s*(?:(?P<sign>[()]|not\b|everything\b)|(?P<key>[a-z]+[<>]?=)(?P<values>{_VALUE}(?:,{_VALUE})*))\s*", re.DOTALL
)
_Token = tuple[str, tuple[str, ...]]
"""A sign, or a key with its values."""


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"{text[at:].split()[0]!r} is no condition")
        values = tuple(
            json.loads(value, strict=False) if value.startswith('"') else value
            for value in re.findall(_VALUE, match["values"] or "", re.DOTALL)
        )
        found.append((match["sign"] or match["key"], values))
        at = match.end()
    return found


def _read_filter(tokens: deque[_Token], depth: int) -> SegmentFilter:
    """Read conditions up to the end or to a closing parenthesis, which stays."""
    fields: dict[str, Any] = {}
    while tokens and tokens[0][0] != ")":
        _read_condition(tokens, fields, depth)
    return SegmentFilter(**fields)


def _read_condition(tokens: deque[_Token], fields: dict[str, Any], depth: int) -> None:
    key, values = tokens.popleft()
    if key == "everything":
        return
    if key != "not" and key not in _READERS:
        raise ValueError(f"{key!r} stands where one of {', '.join(_READERS)} or not is wanted")
    field, read = _READERS.get(key, ("exclude", None))
    if field in fields:
        raise ValueError(f"{key!r} stands twice")
    fields[field] = _read_excluded(tokens, depth + 1) if read is None else read(values)


def _read_excluded(tokens: deque[_Token], depth: int) -> SegmentFilter:
    if depth > _MAX_DEPTH:
        raise ValueError(f"filters stand at most {_MAX_DEPTH} deep inside each other")
    if not tokens or tokens[0][0] == ")":
        raise ValueError("a condition is missing after 'not'")
    if tokens[0][0] != "(":
        fields: dict[str, Any] = {}
        _read_condition(tokens, fields, depth)
        return SegmentFilter(**fields)
    tokens.popleft()
    where = _read_filter(tokens, depth)
    if not tokens:
        raise ValueError("a parenthesis is not closed")
    tokens.popleft()
    return where


def _single(values: tuple[str, ...]) -> str:
    if len(values) != 1:
        raise ValueError(f"one value is wanted, not {len(values)}: {', '.join(values)}")
    return values[0]


def _read_time(values: tuple[str, ...]) -> datetime:
    instant = datetime.fromisoformat(_single(values))
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _read_number(values: tuple[str, ...]) -> float:
    return float(_single(values))


def _read_hours(values: tuple[str, ...]) -> tuple[int, ...]:
    """Read `5` and `4..7`, ends included; `22..3` passes midnight."""
    hours: list[int] = []
    for value in values:
        match = re.fullmatch(r"(\d+)(?:\.\.(\d+))?", value)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (-1, -1)
        if not (0 <= low <= 23 and 0 <= high <= 23):
            raise ValueError(f"{value!r} is no hour from 0 to 23, and no range of hours such as 4..7")
        hours += range(low, high + 1) if low <= high else [*range(low, 24), *range(high + 1)]
    return tuple(hours)


_READERS: dict[str, tuple[str, Callable[[tuple[str, ...]], object]]] = {
    "site=": ("sites", tuple),
    "recording=": ("recording_ids", tuple),
    "taxon=": ("taxa", tuple),
    "cluster=": ("cluster_ids", tuple),
    "hour=": ("local_hours", _read_hours),
    "from=": ("heard_from", _read_time),
    "before=": ("heard_before", _read_time),
    "snr>=": ("snr_min_db", _read_number),
    "snr<=": ("snr_max_db", _read_number),
}


def _quoted(value: str) -> str:
    return value if re.fullmatch(_BARE, value) else json.dumps(value, ensure_ascii=False)


def _shown_time(instant: datetime | None) -> str | None:
    """Show the date alone for midnight UTC, else to the minute, second or microsecond that it needs."""
    if instant is None:
        return None
    if instant.time() == datetime.min.time():
        return instant.date().isoformat()
    precision = "auto" if instant.second or instant.microsecond else "minutes"
    return instant.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def _shown_number(number: float | None) -> str | None:
    return None if number is None else repr(number).removesuffix(".0")


def _hour_ranges(hours: tuple[int, ...]) -> list[str]:
    breaks = [0, *(at for at, (a, b) in enumerate(pairwise(hours), start=1) if b != a + 1), len(hours)]
    runs = [hours[a:b] for a, b in pairwise(breaks)]
    return [str(run[0]) if len(run) == 1 else f"{run[0]}..{run[-1]}" for run in runs]
