"""How figures, times and other people's words are printed.

File names, sites and labels come from anywhere. A control or direction mark in them could reorder a line or hide a part
of a name, so it is printed as its code point; what HTML or Markdown would take as markup is escaped by the renderers.
"""

import re
from datetime import UTC, datetime

from rab.domain import AggregateEntry, CallName, CallRef, SignalQuality, local_time

_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_BREAKS = re.compile(r"[\t\n\v\f\r]+")
_MARKDOWN = re.compile(r"[\\`*_\[\]|~#]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def visible(text: str) -> str:
    """Return `text` on one line, with marks that cannot be seen as their code points: `‹U+202E›`."""
    return _HIDDEN.sub(lambda mark: f"‹U+{ord(mark[0]):04X}›", _BREAKS.sub(" ", text))


def markdown_escaped(text: str) -> str:
    """Return `text` so that Markdown shows it as it is: no markup, no table cell, no HTML."""
    escaped = _MARKDOWN.sub(lambda sign: "\\" + sign[0], visible(text))
    return re.sub("[&<>]", lambda sign: _ENTITIES[sign[0]], escaped)


def number(value: float, decimals: int = 0) -> str:
    """Return a figure with its thousands apart and a true minus sign."""
    return f"{value:,.{decimals}f}".replace("-", "−")


def figure(entry: AggregateEntry) -> str:
    """Return an aggregate's value with its unit."""
    words = number(entry.value, entry.decimals)
    return _with_unit(words, _singular(entry.unit) if words == "1" else entry.unit)


def denominator(entry: AggregateEntry) -> str | None:
    """Return what an aggregate was counted over; None when it has no denominator."""
    if entry.denominator is None:
        return None
    over = entry.denominator
    return _with_unit(
        number(over) if over.is_integer() or over >= 1000 else f"{over:.4g}", entry.denominator_unit or ""
    )


def _singular(unit: str) -> str:
    if unit == "taxa":
        return "taxon"
    return unit.removesuffix("s") if len(unit) > 2 else unit


def _with_unit(words: str, unit: str) -> str:
    return f"{words}\N{NO-BREAK SPACE}{unit}" if unit else words


def significant(value: float) -> str:
    """Return a derived rate to two significant figures, without an exponent."""
    if value == 0:
        return "0"
    return number(value) if value >= 100 else f"{value:#.2g}".rstrip(".")


def signed(value: float) -> str:
    """Return a short figure with a true minus sign."""
    return f"{value:g}".replace("-", "−")


def utc(instant: datetime | None) -> str:
    """Return an instant in UTC, to the second."""
    return "not known" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def local(call: CallRef) -> str:
    """Return when a call was heard on its site's clock, with the clock's name."""
    moment = local_time(call.heard_at, call.zone)
    return "not known" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} {call.zone}"


def span(call: CallRef) -> str:
    """Return where in its recording a call is."""
    return f"{call.t0_ms / 1000:.3f}–{call.t1_ms / 1000:.3f}\N{NO-BREAK SPACE}s"


def snr(snr_db: float | None, quality: SignalQuality | None = None) -> str:
    """Return a signal-to-noise ratio, or why there is none."""
    if snr_db is not None:
        return f"{snr_db:.1f}\N{NO-BREAK SPACE}dB"
    if quality is None or quality.snr_unmeasured is None:
        return "not in this report"
    return f"not measured ({quality.snr_unmeasured.replace('_', ' ')})"


def said_by(name: CallName) -> str:
    """Return who gives a call its name."""
    match name.source:
        case "human":
            return f"label by {name.by}"
        case "imported":
            return f"imported label, {name.by}"
        case "model":
            scored = "" if name.raw_score is None else f", raw score {name.raw_score:.2f}"
            return f"{name.by}{scored}"
