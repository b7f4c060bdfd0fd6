"""Drift of a library's recorders: what they measured, day by day, and where it changed."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from statistics import fmean, median

import numpy as np

from rab.catalog import MeasuredSegment
from rab.catalog.rows import from_us
from rab.domain import EmbedderCard, RecorderNotes, SegmentFilter
from rab.errors import InputError
from rab.logs import canonical_line
from rab.retrieval.drift import ChangePoint, DriftFigure, DriftPolicy, Figure, RecorderDrift, daily_figure
from rab.workflows.workspace import Workspace

Recorder = tuple[str | None, str | None]
"""Site and serial number."""
Day = tuple[Recorder, str]

_SUMMARIES: dict[str, Callable[[list[float]], float]] = {
    "noise_floor_dbfs": median,
    "clipped_fraction": fmean,
    "snr_db": median,
}
"""A day's level is its median, which one aeroplane does not move; most segments do not clip, so shares are averaged."""


def recorder_drift(
    workspace: Workspace,
    *,
    model: str,
    where: SegmentFilter = SegmentFilter(),
    policy: DriftPolicy = DriftPolicy(),
) -> list[RecorderDrift]:
    """Return what became of each recorder, by site and serial number; recordings without a start have no day.

    Vectors are read in one pass, and only their daily sums are kept. Raises `InputError` where no segment has a day.
    """
    card = workspace.card(model)
    with canonical_line("drift", model=model) as line:
        day_of: dict[str, Day] = {}
        begins_us: dict[Day, int] = {}
        figures: dict[Day, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        recorder_of, n_matching = _recorders(workspace), 0
        for row in workspace.catalog.measured(card.space, where):
            n_matching += 1
            date = _date(row)
            if date is None:
                continue
            day = recorder_of[row.recording_pk], date
            day_of[row.segment_id] = day
            if row.heard_at_us is not None:
                begins_us[day] = min(row.heard_at_us, begins_us.get(day, row.heard_at_us))
            for name in _SUMMARIES:
                if (value := getattr(row, name)) is not None:
                    figures[day][name].append(value)
        if n_matching == 0:
            raise InputError("no segment matches", hint="widen --where")
        if not day_of:
            raise InputError("no segment that matches has a date", hint="give recordings a start: `--deployments`")
        means = _daily_means(workspace, card, where, day_of)
        recorders = sorted({recorder for recorder, _ in figures}, key=lambda one: (one[0] or "", one[1] or ""))
        found = [_with_instants(_drift(one, figures, means, policy), one, begins_us) for one in recorders]
        line.update(n_segments=len(day_of), n_recorders=len(found))
    return found


def drift_sentences(drift: RecorderDrift) -> list[str]:
    """Return what became of a recorder, in words: changes, or why none was looked for, or that there is none."""
    untested = {one.untested for one in drift.figures if one.untested}
    tested = [one for one in drift.figures if not one.untested]
    if not tested:
        return sorted(untested)
    sentences = [_sentence(one, i) for one in tested for i in range(len(one.changes))]
    return sentences or [f"no change in {drift.n_days} days"]


def _sentence(figure: DriftFigure, number: int) -> str:
    change = figure.changes[number]
    beside = f"on {change.date} (p {change.p_value:.2g}, {change.n_before} days before, {change.n_after} after)"
    moved = "rose" if change.size > 0 else "fell"
    if figure.figure == "embedding":
        return f"the mean embedding moved by a cosine distance of {change.size:.3f} {beside}"
    if figure.figure == "clipped_fraction":
        return f"clipping {moved} by {100 * abs(change.size):.2f} % of samples {beside}"
    name = {"noise_floor_dbfs": "noise floor", "snr_db": "SNR"}[figure.figure]
    return f"{name} {moved} by {abs(change.size):.1f} dB {beside}"


def _recorders(workspace: Workspace) -> dict[int, Recorder]:
    return {
        row.recording_pk: (row.site, RecorderNotes.model_validate_json(row.notes).serial)
        for row in workspace.catalog.recorders()
    }


def _date(row: MeasuredSegment) -> str | None:
    if row.local_date is not None or row.heard_at_us is None:
        return row.local_date
    return str(np.datetime64(row.heard_at_us, "us").astype("datetime64[D]"))


def _daily_means(
    workspace: Workspace, card: EmbedderCard, where: SegmentFilter, day_of: dict[str, Day]
) -> dict[Day, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    sums = {day: np.zeros(card.dim) for day in set(day_of.values())}
    n_of: dict[Day, int] = defaultdict(int)
    for stored in workspace.store(card).scan(where):
        day = day_of.get(stored.payload.segment_id)
        if day is not None:
            sums[day] += stored.vector
            n_of[day] += 1
    return {day: sums[day] / n for day, n in n_of.items()}


def _drift(
    recorder: Recorder,
    figures: dict[Day, dict[str, list[float]]],
    means: dict[Day, np.ndarray[tuple[int, ...], np.dtype[np.float64]]],
    policy: DriftPolicy,
) -> RecorderDrift:
    dates = sorted(date for one, date in figures if one == recorder)
    found = [_figure(name, recorder, dates, figures, policy) for name in _names()]
    known = [date for date in dates if (recorder, date) in means]
    vectors = np.array([means[recorder, date] for date in known])
    if known:
        found.append(daily_figure("embedding", known, vectors, policy))
    return RecorderDrift(
        site=recorder[0],
        serial=recorder[1],
        n_days=len(dates),
        n_segments=sum(len(figures[recorder, date]["clipped_fraction"]) for date in dates),
        figures=tuple(found),
    )


def _with_instants(drift: RecorderDrift, recorder: Recorder, begins_us: dict[Day, int]) -> RecorderDrift:
    """Say of each change when the first sound of its day was heard."""

    def dated(change: ChangePoint) -> ChangePoint:
        begins = begins_us.get((recorder, change.date))
        return change if begins is None else change.model_copy(update={"heard_from": from_us(begins)})

    figures = (one.model_copy(update={"changes": tuple(map(dated, one.changes))}) for one in drift.figures)
    return drift.model_copy(update={"figures": tuple(figures)})


def _names() -> Iterable[Figure]:
    return ("noise_floor_dbfs", "clipped_fraction", "snr_db")


def _figure(
    name: Figure,
    recorder: Recorder,
    dates: list[str],
    figures: dict[Day, dict[str, list[float]]],
    policy: DriftPolicy,
) -> DriftFigure:
    measured = [date for date in dates if figures[recorder, date][name]]
    values = np.array([_SUMMARIES[name](figures[recorder, date][name]) for date in measured])
    return daily_figure(name, measured, values, policy)
