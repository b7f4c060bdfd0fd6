"""Quality, novelty and change: how well the segments can be heard, and what about them is out of the ordinary."""

from collections.abc import Iterator, Sequence

import numpy as np

from rab.catalog import QualityProfile
from rab.catalog.aggregates import NovelSegments
from rab.domain import content_id
from rab.evidence.summary.rows import Row, Survey, exemplars, of, over, row
from rab.retrieval.drift import RecorderDrift

_FIGURES = {
    "noise_floor_dbfs": ("noise floor", "dB", 1, 1.0),
    "clipped_fraction": ("share of clipped samples", "%", 2, 100.0),
    "snr_db": ("SNR", "dB", 1, 1.0),
    "embedding": ("mean embedding", "cosine", 3, 1.0),
}
"""What a recorder can change in: in words, its unit, its decimals, and by what the stored value is multiplied."""


def quality_rows(quality: QualityProfile) -> Iterator[Row]:
    """Yield the segments by SNR, and the share of each kind of poor one."""
    n, sha, limits = quality.n_segments, quality.rows_sha256, quality.limits
    yield row("n_segments", n, "segments", "segments measured", sha)
    if quality.median_snr_db is not None:
        measured = "median over segments with a measured SNR, each in its own band"
        yield row("snr_median_db", quality.median_snr_db, "dB", measured, sha, decimals=1)
    low = f"segments with an SNR below {limits.low_snr_db:g} dB or none that could be measured"
    shares = (
        ("low_snr_share", quality.n_low_snr + quality.n_unmeasured, low),
        ("clipped_share", quality.n_clipped, f"more than {100 * limits.clipped_fraction:g} % of samples clipped"),
        ("rain_share", quality.n_rain, "segments flagged as rain"),
        ("wind_share", quality.n_wind, "segments flagged as wind"),
        ("silent_share", quality.n_silent, "segments of digital silence"),
        ("overlap_share", quality.n_overlapped, "segments in which several sources sound at once"),
    )
    for name, count, basis in shares if n else ():
        yield row(name, 100 * count / n, "%", basis, sha, decimals=1) | over(n, "segments")
    for one in quality.snr_bins:
        group = of(f"{one.low_db:g}..{one.high_db:g}", f"{one.low_db:g} to {one.high_db:g} dB")
        yield row("snr_bin", one.n_segments, "segments", "segments by SNR", sha) | group
    if quality.n_unmeasured:
        group = of("unmeasured", "not measured")
        yield row("snr_bin", quality.n_unmeasured, "segments", "segments without an SNR", sha) | group


def weak_rows(survey: Survey) -> Iterator[Row]:
    """Yield how many detections lie where hardly anything can be heard: a classifier names noise, too."""
    heard, low = survey.heard, survey.policy.low_snr_db
    first = heard.first_of_segment(heard.named)
    if len(first):
        weak = first[~(heard.snr_db[first] >= low)]
        basis = f"{survey.detected}, with an SNR below {low:g} dB or none that could be measured"
        counted = row("weak_detections", len(weak), "segments", basis, heard.fingerprint(weak))
        yield counted | over(len(first), "segments")


def novel_rows(survey: Survey, novel: NovelSegments) -> Iterator[Row]:
    """Yield how many segments lie far from all other recordings, where a clustering has measured that."""
    if novel.n_placed:
        at = survey.policy.novel_at
        basis = f"segments farther from every other recording than {100 * at:g} % of the library, of those compared"
        stored = survey.voices.segments(novel.exemplar_ids)
        calls = exemplars([stored[one] for one in novel.exemplar_ids if one in stored])
        counted = row("novel_segments", novel.n_novel, "segments", basis, novel.rows_sha256)
        yield counted | over(novel.n_placed, "segments") | calls


def drift_rows(drift: Sequence[RecorderDrift]) -> Iterator[Row]:
    """Yield each change of a recorder, and how many recorders had days enough to look for one."""
    tested = [one for one in drift if any(figure.untested is None for figure in one.figures)]
    sha = content_id(repr([one.model_dump(mode="json") for one in drift]).encode())
    basis = "splits of a recorder's days that part their means farther than chance, by permutation: see `rab drift`"
    if drift:
        counted = row("recorders_tested", len(tested), "recorders", "recorders with days enough for a change", sha)
        yield counted | over(len(drift), "recorders")
    for one in tested:
        site = one.site or "no site given"
        for figure in one.figures:
            words, unit, decimals, scale = _FIGURES[figure.figure]
            for change in figure.changes:
                group = of(f"{site}\t{figure.figure}\t{change.date}", f"{words} at {site}, {change.date}")
                size = float(np.round(scale * change.size, 6))
                yield row("recorder_change", size, unit, basis, sha, decimals=decimals) | group
