"""Ground: what one filter selects, as columns on common units of observation, for all screens to stand on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rab.catalog.effort import Listened
from rab.catalog.heard import NEVER, NO_HOUR, Heard
from rab.catalog.observed import Observed
from rab.evidence.hypotheses.contrast import (
    Beside,
    Floats,
    Measured,
    ScreenPolicy,
    Whole,
    grouped_mean,
    grouped_median,
    merged,
)
from rab.retrieval.drift import ChangePoint, DriftPolicy, Figure, daily_figure

HOUR_US = 3_600_000_000
BLOCK_HOURS = 6
"""Hours of the day are compared in blocks: 00:00–06:00, 06:00–12:00, 12:00–18:00, 18:00–24:00."""
N_BLOCKS = 24 // BLOCK_HOURS
NO_SITE = -1

LENGTH = Measured("segment_length_s", "s", 2, 0.0, "median length of a unit's segments, as a mean over units")
NOISE = Measured("noise_floor_dbfs", "dBFS", 1, 0.0, "median noise floor of a unit's segments, as a mean over units")


@dataclass(frozen=True, eq=False)
class Names:
    """What others than the classifier call segments: rows of `Observed` and the name of each, by who says so."""

    by: str
    rows: Whole
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Ground:
    """What a filter selects. A unit of observation is a recorder-day; without a clock, a recording."""

    seen: Observed
    heard: Heard
    listened: Listened
    policy: ScreenPolicy
    names: Sequence[Names] = ()
    folds_repeats: bool = True
    """Whether a sound that goes on is one step: it is where segments are windows."""

    @cached_property
    def sites(self) -> tuple[str, ...]:
        """The sites with a name."""
        return tuple(sorted({one for one in (*self.seen.sites, *self.listened.sites) if one is not None}))

    @cached_property
    def _site_number(self) -> Mapping[str | None, int]:
        return {None: NO_SITE} | {name: number for number, name in enumerate(self.sites)}

    @cached_property
    def site(self) -> Whole:
        """The site of each segment, NO_SITE without one."""
        return self.recording_site[self.seen.recording] if len(self.seen) else np.zeros(0, np.int64)

    @cached_property
    def recording_site(self) -> Whole:
        """The site of each recording of `Observed`."""
        return np.array([self._site_number[one] for one in self.seen.sites], dtype=np.int64)

    @cached_property
    def _units(self) -> tuple[Whole, Whole, Whole, Whole, Whole]:
        """Units of segments and of pieces of recording time; then of each unit its site, its date and its effort."""
        pieces = self.listened.pieces
        n_seen, n_pieces = len(self.seen), len(pieces.date)
        number = {one: place for place, one in enumerate(dict.fromkeys((*self.seen.recording_ids, *self.listened.ids)))}
        seen_recording = np.array([number[one] for one in self.seen.recording_ids], dtype=np.int64)[self.seen.recording]
        piece_recording = np.array([number[one] for one in self.listened.ids], dtype=np.int64)[pieces.recording]
        piece_site = np.array([self._site_number[one] for one in self.listened.sites], dtype=np.int64)[pieces.recording]
        recording = np.concatenate([seen_recording, piece_recording])
        site = np.concatenate([self.site, piece_site])
        date = np.concatenate([self.seen.date, pieces.date])
        known = (date != NEVER) & (site != NO_SITE)
        rows = np.stack([np.where(known, -1, recording), np.where(known, site, -1), np.where(known, date, 0)], axis=1)
        _, first, units = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        units = units.reshape(-1)
        assert len(units) == n_seen + n_pieces
        return units[:n_seen], units[n_seen:], site[first], date[first], np.arange(len(first))

    @property
    def unit(self) -> Whole:
        """The unit of each segment."""
        return self._units[0]

    @property
    def unit_site(self) -> Whole:
        """The site of each unit."""
        return self._units[2]

    @property
    def unit_date(self) -> Whole:
        """The date of each unit, or NEVER."""
        return self._units[3]

    @property
    def n_units(self) -> int:
        """How many units there are."""
        return len(self._units[2])

    @cached_property
    def days_of_sites(self) -> dict[int, Whole]:
        """The recorder-days with sound of each site, in the order of time."""
        dated = np.flatnonzero((self.unit_site != NO_SITE) & (self.unit_date != NEVER) & (self.effort_h > 0))
        ordered = dated[np.lexsort((self.unit_date[dated], self.unit_site[dated]))]
        kinds, starts = np.unique(self.unit_site[ordered], return_index=True)
        return dict(zip(kinds.tolist(), np.split(ordered, starts[1:]), strict=True)) if len(ordered) else {}

    def changes(self) -> Iterator[tuple[int, Figure, ChangePoint]]:
        """Yield the changes in noise floor, clipping and SNR of each site's recorder, as `rab drift` finds them.

        The mean embedding, which would need every vector, is left out.
        """
        seen = self.seen
        clipped = spread_out(*grouped_mean(self.unit, seen.clipped_fraction), self.n_units)
        figures: tuple[tuple[Figure, Floats], ...] = (
            ("noise_floor_dbfs", self.noise),
            ("clipped_fraction", clipped),
            ("snr_db", self.by_unit(seen.snr_db)),
        )
        for site, units in self.days_of_sites.items():
            for name, values in figures:
                known = units[~np.isnan(values[units])]
                dates = np.datetime_as_string(self.unit_date[known].astype("datetime64[D]")).tolist()
                for change in daily_figure(name, dates, values[known], DriftPolicy()).changes:
                    yield site, name, change

    def noun(self, units: Whole) -> str:
        """Return what some units are."""
        dated = (self.unit_date[units] != NEVER) & (self.unit_site[units] != NO_SITE)
        return "recorder-days" if dated.all() else "units" if dated.any() else "recordings"

    @cached_property
    def effort_h(self) -> Floats:
        """Hours of sound of each unit."""
        lengths = self.listened.pieces.length_us.astype(np.float64) / HOUR_US
        return np.bincount(self._units[1], weights=lengths, minlength=self.n_units).astype(np.float64)

    @cached_property
    def block(self) -> Whole:
        """The block of the day of each segment, −1 without a clock."""
        return np.where(self.seen.hour == NO_HOUR, -1, self.seen.hour // BLOCK_HOURS)

    @cached_property
    def noise(self) -> Floats:
        """The median noise floor of each unit, NaN without one."""
        return self.by_unit(self.seen.noise_floor_dbfs)

    def by_unit(self, values: Floats) -> Floats:
        """Return the median of a column of segments in each unit, NaN where none was measured."""
        return spread_out(*grouped_median(self.unit, values), self.n_units)

    @cached_property
    def length_s(self) -> Floats:
        """The median length of each unit's segments, in s."""
        return self.by_unit((self.seen.t1_ms - self.seen.t0_ms) / 1000)

    def beside(self, measured: Measured, units: Whole) -> Beside:
        """Return what else could make units differ: how long segments are where that varies, else the noise floor."""
        lengths = self.length_s[units]
        if measured.name == "duration_ms" and len(units) and np.ptp(lengths) > 0.05 * lengths.max():
            return Beside(LENGTH, lengths)
        return Beside(NOISE, self.noise[units])

    @cached_property
    def heard_row(self) -> Whole:
        """The row in `Observed` of each row of `Heard`, −1 where the filter has none."""
        ids = self.seen.segment_ids
        if len(ids) == 0 or len(self.heard.segment_ids) == 0:
            return np.full(len(self.heard.segment_ids), -1)
        order = np.argsort(ids)
        places = np.minimum(np.searchsorted(ids[order], self.heard.segment_ids), len(ids) - 1)
        rows = order[places]
        return np.where(ids[rows] == self.heard.segment_ids, rows, -1)

    @cached_property
    def best_taxon(self) -> Whole:
        """The best detected taxon of each segment, as its place in `Heard.taxa`; −1 without a detection."""
        best = np.full(len(self.seen), -1)
        first = self.heard.first_of_segment(self.heard.detected)
        rows = self.heard_row[first]
        best[rows[rows >= 0]] = self.heard.taxon[first[rows >= 0]]
        return best

    @cached_property
    def recording_block(self) -> Whole:
        """The block of the day in which each recording of `Observed` begins, −1 without a clock."""
        found = np.full(len(self.seen.recording_ids), -1)
        _, first = np.unique(self.seen.recording, return_index=True)
        found[self.seen.recording[first]] = self.block[first]
        return found

    @cached_property
    def recording_noise(self) -> Floats:
        """The median noise floor of each recording of `Observed`."""
        found = grouped_median(self.seen.recording, self.seen.noise_floor_dbfs)
        return spread_out(*found, len(self.seen.recording_ids))

    @cached_property
    def placed_recordings(self) -> Whole:
        """The recordings of `Observed` whose site and time of day are known, ascending."""
        return np.flatnonzero((self.recording_site != NO_SITE) & (self.recording_block >= 0))

    @cached_property
    def recording_strata(self) -> Whole:
        """Recordings of one site and one block of the day are of one stratum."""
        return merged(list(zip(self.recording_site.tolist(), self.recording_block.tolist(), strict=True)))


def spread_out(keys: Whole, values: Floats, n: int) -> Floats:
    """Return values at the places that their keys name, NaN elsewhere: [n]."""
    found = np.full(n, np.nan)
    found[keys] = values
    return found


def block_hours(block: int) -> tuple[int, ...]:
    """Return the hours of a block of the day."""
    return tuple(range(block * BLOCK_HOURS, (block + 1) * BLOCK_HOURS))
