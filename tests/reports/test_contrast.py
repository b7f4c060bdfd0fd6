"""Colours can be read: every pair that stands on another reaches the ratios of WCAG 2.2 AA, in light and in dark."""

import re
from pathlib import Path

import pytest

import rab.reports

CSS = (Path(rab.reports.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
TEXT = [
    ("ink", "paper"),
    ("ink", "sheet"),
    ("ink", "faint"),
    ("ink", "accent-wash"),
    ("ink", "target"),
    ("ink", "heat"),
    ("soft", "paper"),
    ("soft", "sheet"),
    ("soft", "faint"),
    ("soft", "target"),
    ("soft", "heat"),
    ("accent", "paper"),
    ("accent", "sheet"),
    ("accent", "accent-wash"),
    ("accent", "target"),
    ("warn", "paper"),
    ("warn", "sheet"),
    ("warn", "warn-wash"),
]
"""Words and what is behind them: 4.5 to 1 (success criterion 1.4.3)."""
SHAPES = [("bar", "paper"), ("bar", "faint"), ("soft", "paper"), ("warn", "paper"), ("accent", "paper")]
"""Marks of figures and the outline of focus: 3 to 1 (1.4.11)."""


def colours(scheme: str) -> dict[str, str]:
    """Return the colours by name that hold in a scheme; the dark one changes some of the light one's."""
    light, dark = re.findall(r":root \{\n(.*?)\n\s*\}", CSS, re.DOTALL)[:2]
    blocks = [light] if scheme == "light" else [light, dark]
    return {name: value for block in blocks for name, value in re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)}


def luminance(colour: str) -> float:
    """Return relative luminance as WCAG defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_ratio_is_that_of_the_standard() -> None:
    """Black on white is 21 to 1, and the well-known grey #767676 is just enough."""
    assert round(ratio("#000000", "#ffffff"), 2) == 21
    assert 4.5 <= ratio("#767676", "#ffffff") < 4.6


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [(front, back, 4.5) for front, back in TEXT] + [(front, back, 3.0) for front, back in SHAPES],
)
def test_what_is_drawn_can_be_seen(scheme: str, front: str, back: str, least: float) -> None:
    """Both schemes keep the distance between a colour and what is behind it."""
    named = colours(scheme)
    assert ratio(named[front], named[back]) >= least


def test_print_is_dark_on_white() -> None:
    """On paper the light colours hold on white."""
    named = colours("light")
    assert min(ratio(named[name], "#ffffff") for name in ("ink", "soft", "accent", "warn")) >= 4.5
