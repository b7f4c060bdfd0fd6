"""Coverage: how long was listened, where, and when nobody did. A count without it says nothing, so it comes first."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np

from rab.catalog import Effort, Gaps
from rab.catalog.heard import NEVER, columns_sha256
from rab.domain import SegmentFilter
from rab.evidence.summary.rows import HOUR_MS, Row, Survey, hour_decimals, of, of_site, over, row

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
    basis = (
        f"times without recording at a site, longer than {limit:g} h, between recordings with a known start, and from"
        " the ends of an interval that is asked for to the nearest of these"
    )
    if effort.n_recordings > effort.n_without_clock:
        yield row("n_gaps", len(gaps.gaps), "gaps", basis, gaps.rows_sha256)
    longest: dict[str | None, float] = {}
    for gap in gaps.gaps:
        longest[gap.site] = max(longest.get(gap.site, 0.0), gap.duration_ms / HOUR_MS)
    for site, hours in longest.items():
        yield row("largest_gap_hours", hours, "h", basis, gaps.rows_sha256, decimals=1) | of_site(site)


def span_rows(survey: Survey, where: SegmentFilter) -> Iterator[Row]:
    """Yield on how many days anything was recorded: of those from the first to the last, or of those asked for.

    Days of an interval that is asked for are those of UTC, in which it is given; else those of the site's clock.
    """
    pieces, asked = survey.listened.pieces, (where.heard_from, where.heard_before)
    known = pieces.start_us != NEVER
    if not known.any():
        return
    is_asked = all(asked)
    days = pieces.start_us[known] // _DAY_US if is_asked else pieces.date[known]
    found = np.unique(days)
    first, last = (_EPOCH + timedelta(days=int(one)) for one in (found[0], found[-1]))
    if asked[0] is not None and asked[1] is not None:
        first, last = _day(asked[0]), _day(asked[1] - timedelta(microseconds=1))
    n_days = (last - first).days + 1
    clock = "UTC, of the interval that is asked for" if is_asked else "the site's clock, from the first to the last"
    basis = f"days with any recording, of the days of {clock}"
    group = of(f"{first.isoformat()}..{last.isoformat()}", f"{first.isoformat()} to {last.isoformat()}")
    name = "recorded_days_asked" if is_asked else "recorded_days"
    yield row(name, len(found), "days", basis, columns_sha256(found)) | group | over(n_days, "days")


def _day(instant: datetime) -> date:
    return instant.astimezone(UTC).date()


_DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1)
