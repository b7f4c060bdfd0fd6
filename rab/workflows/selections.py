"""Selections: what of a file is meant, and what is told of it, as a client gives them."""

from math import isfinite
from typing import Any

from pydantic import Field, model_validator

from rab.domain import Value
from rab.domain.value import Hz, Instant, Ms
from rab.errors import InputError

_OPTIONS = {
    "t0_ms": "start (--from, start_s)",
    "t1_ms": "end (--to, end_s)",
    "low_hz": "lower limit of the band (--low-hz, low_hz)",
    "high_hz": "upper limit of the band (--high-hz, high_hz)",
    "lat_deg": "latitude (--lat, lat)",
    "lon_deg": "longitude (--lon, lon)",
}
"""How the figures that are given with a file are called, on the command line and over HTTP."""


class _Given(Value):
    """What comes from outside, and may be no number at all."""

    @model_validator(mode="before")
    @classmethod
    def _are_numbers(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Raise `InputError` for NaN and infinity: a client is told which option to mend."""
        for name, value in given.items():
            if isinstance(value, float) and not isfinite(value):
                raise InputError(f"the {_OPTIONS.get(name, name)} is no number", hint="give a finite one, such as 1.5")
        return given


class Selection(_Given):
    """What of a file is meant: a stretch of time, a band of frequencies, a channel; None: all of it."""

    t0_ms: Ms | None = Field(default=None, ge=0)
    t1_ms: Ms | None = Field(default=None, gt=0)
    low_hz: Hz | None = Field(default=None, ge=0)
    high_hz: Hz | None = Field(default=None, gt=0)
    channel: int | None = Field(default=None, ge=0)
    """From 0; None: the average of all."""

    @property
    def has_band(self) -> bool:
        """Whether it is limited in frequency."""
        return self.low_hz is not None or self.high_hz is not None


EVERYTHING = Selection()


class Told(_Given):
    """What is told of a file's place and clock, where its header does not say or is wrong."""

    site: str | None = None
    lat_deg: float | None = Field(default=None, ge=-90, le=90)
    lon_deg: float | None = Field(default=None, ge=-180, le=180)
    started_at: Instant | None = None
