"""Coverage: how long was listened, where, and when nobody did. A count without it says nothing, so it comes first."""

from collections.abc import Iterator

from rab.catalog import Effort, Gaps
from rab.evidence.summary.rows import HOUR_MS, Row, hour_decimals, of_site, row

_HEARD = "recording time, each recording once, whatever its channels and windows"


def effort_rows(effort: Effort) -> Iterator[Row]:
    """Yield recording time, recordings and recorder-days: in all, and by site."""
    sha, hours = effort.rows_sha256, effort.recorder_ms / HOUR_MS
    yield row("effort_hours", hours, "h", _HEARD, sha, decimals=hour_decimals(hours))
    yield row("n_recordings", effort.n_recordings, "recordings", "recordings with any time that counts", sha)
    clocked = "days of the site's clock with any recording, summed over sites"
    if effort.n_recorder_days:
        yield row("recorder_days", effort.n_recorder_days, "recorder-days", clocked, sha)
    if effort.n_without_clock:
        unclocked = "recordings whose time of day is not known; they count in no hour and no day"
        yield row("unclocked_recordings", effort.n_without_clock, "recordings", unclocked, sha)
    for site in effort.sites:
        group, hours, own = of_site(site.site), site.recorder_ms / HOUR_MS, site.rows_sha256
        yield row("effort_hours", hours, "h", _HEARD, own, decimals=hour_decimals(hours)) | group
        yield row("n_recordings", site.n_recordings, "recordings", _HEARD, own) | group
        if site.n_recorder_days:
            yield row("recorder_days", site.n_recorder_days, "recorder-days", clocked, own) | group


def gap_rows(effort: Effort, gaps: Gaps) -> Iterator[Row]:
    """Yield how many gaps there are, and the longest of each site."""
    limit = gaps.longer_than_ms / HOUR_MS
    basis = f"times without recording at a site, longer than {limit:g} h, between recordings with a known start"
    if effort.n_recordings > effort.n_without_clock:
        yield row("n_gaps", len(gaps.gaps), "gaps", basis, gaps.rows_sha256)
    longest: dict[str | None, float] = {}
    for gap in gaps.gaps:
        longest[gap.site] = max(longest.get(gap.site, 0.0), gap.duration_ms / HOUR_MS)
    for site, hours in longest.items():
        yield row("largest_gap_hours", hours, "h", basis, gaps.rows_sha256, decimals=1) | of_site(site)
