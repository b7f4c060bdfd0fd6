"""The quality profile counts segments by SNR and by what spoils them."""

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from rab.catalog import Catalog, QualityLimits, SnrBin
from rab.domain import SegmentFilter, StoredSegment

if TYPE_CHECKING:
    from tests.conftest import Make

EVERYTHING = SegmentFilter()


def committed(catalog: Catalog, make: "Make", *measured: tuple[float | None, dict[str, Any]]) -> list[StoredSegment]:
    """Commit a segment for each SNR and its other measures."""
    recording = make.recording()
    segments = [
        make.segment(recording, n, quality=make.quality(snr_db, **fields))
        for n, (snr_db, fields) in enumerate(measured)
    ]
    catalog.commit_recording(recording, make.card(), segments, policy="p")
    return segments


def test_segments_are_counted_by_snr(catalog: Catalog, make: "Make") -> None:
    """Bins are half-open and cover the range without holes; the median and the low ones are of measured segments."""
    segments = committed(catalog, make, *((snr_db, {}) for snr_db in (-0.01, 0.0, 4.99, 5.0, 16.0, None)))
    profile = catalog.quality_profile(make.card().space, EVERYTHING)
    assert (6, 1, 1, 4.99) == (profile.n_segments, profile.n_unmeasured, profile.n_low_snr, profile.median_snr_db)
    expected = [(-5, 1), (0, 2), (5, 1), (10, 0), (15, 1)]
    assert tuple(SnrBin(low, low + 5, n) for low, n in expected) == profile.snr_bins
    assert tuple(one.segment.id for one in segments[:5]) == profile.lowest_snr_ids


def test_the_median_of_an_even_number_lies_between(catalog: Catalog, make: "Make") -> None:
    """Of two segments the median is half-way."""
    committed(catalog, make, (4.0, {}), (7.0, {}))
    assert 5.5 == catalog.quality_profile(make.card().space, EVERYTHING).median_snr_db


def test_what_spoils_a_segment_is_counted_above_its_limit(catalog: Catalog, make: "Make") -> None:
    """Limits are exclusive for fractions, and an SNR at its limit is not low."""
    committed(
        catalog,
        make,
        (5.0, {"clipped_fraction": 0.01, "rain": True}),
        (4.99, {"clipped_fraction": 0.0101, "rain": True, "wind": True}),
        (None, {"overlap_fraction": 0.2, "silent": True}),
    )
    profile = catalog.quality_profile(make.card().space, EVERYTHING, QualityLimits(low_snr_db=5.0))
    assert (1, 1, 1, 2, 1, 1) == (
        profile.n_low_snr,
        profile.n_clipped,
        profile.n_overlapped,
        profile.n_rain,
        profile.n_wind,
        profile.n_silent,
    )


def test_the_fingerprint_is_over_the_rows_in_the_order_of_ids(catalog: Catalog, make: "Make") -> None:
    """Anyone can repeat the fingerprint: counts of each recording, then the levels and how many have them."""
    committed(catalog, make, (4.5, {"rain": True}), (None, {"silent": True}))
    rows = f"{make.recording().id}\t2\t1\t0\t0\t0\t1\t0\t1\n4.5\t1\n"
    expected = sha256(rows.encode()).hexdigest()
    assert expected == catalog.quality_profile(make.card().space, EVERYTHING).rows_sha256


def test_nothing_has_no_median(catalog: Catalog) -> None:
    """Without segments there is no median and no bin."""
    profile = catalog.quality_profile("nowhere", EVERYTHING)
    assert (0, None, (), ()) == (
        profile.n_segments,
        profile.median_snr_db,
        profile.snr_bins,
        profile.lowest_snr_ids,
    )
