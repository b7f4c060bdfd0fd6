"""From words to a filter. The grammar stands in the docstring of `rab.domain.filter`."""

import json
import re
from collections import deque
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from rab.domain.filter.conditions import LEAST_PRECISION, MAX_DEPTH, MOST_PRECISION, SegmentFilter
from rab.domain.filter.spelling import BARE, read_box, read_hours, read_month_days, read_near, read_number, read_time
from rab.errors import InputError


def parse_filter(text: str) -> SegmentFilter:
    """Read a filter from words. Raises `InputError` that says what could not be used."""
    try:
        tokens = deque(_tokens(text.strip()))
        where = _read_alternatives(tokens, depth=1) if tokens else SegmentFilter()
        if tokens:
            raise ValueError("a parenthesis closes that none opened")
    except ValidationError as error:
        raise _unusable(text, error.errors()[0]["msg"].removeprefix("Value error, ")) from error
    except ValueError as error:
        raise _unusable(text, str(error)) from error
    return where


def _unusable(text: str, why: str) -> InputError:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return InputError(
        f"the filter {shown!r} cannot be used: {why}",
        hint='write it like this: site=A12,B7 hour=4..6 snr>=10 taxon="Turdus merula" from=2025-05-03 not cluster=c3',
    )


_SHOWN = 500
"""Characters of a filter that its refusal repeats."""

_VALUE = rf'(?:"(?:[^"\\]|\\.)*"|{BARE})'
_TOKEN = re.compile(
    rf"\s*(?:(?P<sign>[()]|(?:not|and|or|everything|reviewed|voice)\b(?![<>=]))"
    rf"|(?P<key>[a-z]+[<>]?=)(?P<values>{_VALUE}(?:,{_VALUE})*))\s*",
    re.DOTALL,
)
_Token = tuple[str, tuple[str, ...]]
"""A sign, or a key with its values."""

_BETWEEN = (")", "and", "or")
"""Where one of these stands, no condition begins."""


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


def _read_alternatives(tokens: deque[_Token], depth: int) -> SegmentFilter:
    """Read conditions with `or` between them, up to the end or to a closing parenthesis, which stays."""
    alternatives = [_read_conditions(tokens, depth)]
    while tokens and tokens[0][0] == "or":
        tokens.popleft()
        alternatives.append(_read_conditions(tokens, depth))
    return alternatives[0] if len(alternatives) == 1 else SegmentFilter(any_of=(tuple(alternatives),))


def _read_conditions(tokens: deque[_Token], depth: int) -> SegmentFilter:
    """Read conditions that stand side by side, one at least."""
    fields: dict[str, Any] = {}
    _require_condition(tokens)
    while tokens and tokens[0][0] not in (")", "or"):
        _read_condition(tokens, fields, depth)
        if tokens and tokens[0][0] == "and":
            tokens.popleft()
            _require_condition(tokens)
    return SegmentFilter(**fields)


def _require_condition(tokens: deque[_Token]) -> None:
    if not tokens or tokens[0][0] in _BETWEEN:
        before = "at the end" if not tokens else f"before {tokens[0][0]!r}"
        raise ValueError(f"a condition is missing {before}")


def _read_condition(tokens: deque[_Token], fields: dict[str, Any], depth: int) -> None:
    key, values = tokens.popleft()
    if key == "everything":
        return
    if key == "not":
        fields["exclude"] = (*fields.get("exclude", ()), _read_excluded(tokens, depth))
        return
    if key == "(":
        inner = _read_parenthesis(tokens, depth)
        fields["any_of"] = (*fields.get("any_of", ()), (inner,))
        return
    if key not in _READERS:
        raise ValueError(f"{key!r} stands where one of {', '.join(_READERS)}, not or a parenthesis is wanted")
    field, read = _READERS[key]
    if field in fields:
        raise ValueError(f"{key!r} stands twice; any of several values is {key}A,B")
    try:
        fields[field] = read(values)
    except ValidationError:
        raise
    except ValueError as error:
        raise ValueError(f"in {key}, {error}") from None


def _read_excluded(tokens: deque[_Token], depth: int) -> SegmentFilter:
    if not tokens or tokens[0][0] in _BETWEEN:
        raise ValueError("a condition is missing after 'not'")
    if tokens[0][0] == "(":
        tokens.popleft()
        return _read_parenthesis(tokens, depth)
    _require_room(depth + 1)
    fields: dict[str, Any] = {}
    _read_condition(tokens, fields, depth + 1)
    return SegmentFilter(**fields)


def _read_parenthesis(tokens: deque[_Token], depth: int) -> SegmentFilter:
    """Read what stands inside a parenthesis, after it was opened, and its end."""
    _require_room(depth + 1)
    where = _read_alternatives(tokens, depth + 1)
    if not tokens:
        raise ValueError("a parenthesis is not closed")
    tokens.popleft()
    return where


def _require_room(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"filters stand at most {MAX_DEPTH} deep inside each other")


def _single(values: tuple[str, ...]) -> str:
    if len(values) != 1:
        raise ValueError(f"one value is wanted, not {len(values)}: {', '.join(values)}")
    return values[0]


def _read_sources(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if value not in ("human", "imported", "model"):
            raise ValueError(f"{value!r} is no source of labels: human, imported or model")
    return values


def _number(values: tuple[str, ...]) -> float:
    return read_number(_single(values))


def _raw_score(values: tuple[str, ...]) -> float:
    return read_number(_single(values), "raw score", 0, 1)


def _precision(values: tuple[str, ...]) -> float:
    return read_number(_single(values), "precision", LEAST_PRECISION, MOST_PRECISION)


_READERS: dict[str, tuple[str, Callable[[tuple[str, ...]], object]]] = {
    "site=": ("sites", tuple),
    "habitat=": ("habitats", tuple),
    "recording=": ("recording_ids", tuple),
    "model=": ("models", tuple),
    "taxon=": ("taxa", tuple),
    "score>=": ("raw_score_min", _raw_score),
    "score<=": ("raw_score_max", _raw_score),
    "precision>=": ("precision_min", _precision),
    "label=": ("labels", tuple),
    "source=": ("label_sources", _read_sources),
    "reviewed": ("reviewed", lambda _: True),
    "voice": ("human_voice", lambda _: True),
    "cluster=": ("cluster_ids", tuple),
    "hour=": ("local_hours", read_hours),
    "date=": ("month_days", read_month_days),
    "from=": ("heard_from", lambda values: read_time(_single(values))),
    "before=": ("heard_before", lambda values: read_time(_single(values))),
    "box=": ("box", read_box),
    "near=": ("near", read_near),
    "snr>=": ("snr_min_db", _number),
    "snr<=": ("snr_max_db", _number),
}
