"""SignalQuality: how far a segment can be trusted, before anyone asks what is in it.

How each figure is measured, and after whom, stands in `rab.quality`.
"""

from typing import Literal

from rab.domain.value import Db, Fraction, Hz, Value

Unmeasured = Literal["silent", "no_signal", "too_short"]
"""Why there is no SNR: digital silence, nothing above the noise floor, or too few samples to tell."""


class SignalQuality(Value):
    """Signal quality of one segment. A level of silence would be −∞ dBFS: it is None, and `snr_unmeasured` says why."""

    snr_db: Db | None
    """Call power over noise power in the call's own band and time."""
    snr_unmeasured: Unmeasured | None
    band_low_hz: Hz | None
    band_high_hz: Hz | None
    """The band in which the signal was found; None without one."""
    noise_floor_dbfs: Db | None
    peak_dbfs: Db | None
    clipped_fraction: Fraction
    overlap_fraction: Fraction
    """Share of the active time in which several sources sound at once."""
    rain: bool
    wind: bool
    silent: bool
