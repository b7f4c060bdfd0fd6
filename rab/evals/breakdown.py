"""Retrieval taken apart: for whom it works, and for whom it does not.

A mean over all queries hides the species, the place and the faint calls at which retrieval fails. The same queries are
told by set, species, place, recorder, taxon group and SNR, before reranking and after; in libraries that a filter has
made smaller; and with a single exemplar of each label, which is all that somebody has who begins.

A split is only as good as its groups. So whoever could have been answered by the query's own group is counted, and so
is a query whose sound stands in another group too: a copy under two names leaks whatever the split.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rab.domain import Taxon
from rab.evals.base import Answered, Instance, Score
from rab.evals.intervals import by_group
from rab.evals.labelled import LabelledFile, LabelledWindows, taxon_of
from rab.retrieval.rerank.measures import clustered_interval, measure_ranking

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

_EDGES_DB = (0.0, 10.0, 20.0, 30.0)
_FAINT_DB = 10.0
_LEAST = 5
"""Queries of which a slice speaks."""
_COPY = 0.99999
"""Cosine from which two windows are one sound."""
_N_ONE_SHOT = 20
_N_INSTANCES = 50


@dataclass(frozen=True, eq=False)
class Told:
    """n queries: their rows among the windows, their groups, and AP@10 by cosine and reranked, [n] each."""

    at: Rows
    groups: tuple[str, ...]
    cosine: Floats
    reranked: Floats
    leaks: tuple[Instance, ...]
    seed: int


class _Library(NamedTuple):
    """All windows, each with the group that it is held apart by."""

    windows: LabelledWindows
    groups: npt.NDArray[np.str_]
    similarity: npt.NDArray[np.float32]


def breakdown(
    told: Told,
    windows: LabelledWindows,
    groups: npt.NDArray[np.str_],
    files: Mapping[Path, LabelledFile],
    taxa: Sequence[Taxon],
) -> Answered:
    """Return the scores and tables of the slices. `groups` [n_windows] is what is held apart."""
    library = _Library(windows, groups, np.asarray(windows.vectors @ windows.vectors.T))
    shot = one_shot(library, told)
    scores = (_faint(told, windows), _least_taxon(told, windows), shot, _leaked(told), _copied(told, library))
    return Answered(scores, (_slices(told, windows, files, taxa), _filtered(told, library, files)))


def one_shot(library: _Library, told: Told) -> Score:
    """Ask whose call a query is where the library has a single exemplar of each label, none of the query's group."""
    drawn = np.random.default_rng(told.seed)
    windows, groups = library.windows, library.groups
    labels = sorted(set(windows.labels[told.at].tolist()))
    hits, asked = np.zeros(len(told.at)), np.zeros(len(told.at))
    for _ in range(_N_ONE_SHOT):
        order = drawn.permutation(len(windows))
        of_label = {label: order[windows.labels[order] == label] for label in labels}
        for i, at in enumerate(told.at):
            exemplars = [own[groups[own] != groups[at]][:1] for own in of_label.values()]
            held = np.concatenate(exemplars)
            if (windows.labels[held] == windows.labels[at]).any():
                nearest = held[int(np.argmax(library.similarity[at, held]))]
                hits[i] += windows.labels[nearest] == windows.labels[at]
                asked[i] += 1
    shares = np.divide(hits, asked, out=np.zeros(len(hits)), where=asked > 0)
    _, y = np.unique(windows.labels[told.at], return_inverse=True)
    low, high = by_group(np.column_stack([shares, y]), told.groups, seed=told.seed, reduce=_macro)
    return Score(
        case="one_shot_accuracy",
        value=_macro(np.column_stack([shares, y])),
        n=len(told.at),
        reason=f"mean over {len(labels)} labels, {_N_ONE_SHOT} draws; a guess gives {1 / len(labels):.3f}",
        low=low,
        high=high,
    )


def _macro(shares: Floats) -> float:
    """Return the mean over labels of shares [n, 2]: a query's share of hits, and its label."""
    y = shares[:, 1].astype(int)
    hits, counts = np.bincount(y, shares[:, 0]), np.bincount(y)
    return float((hits[counts > 0] / counts[counts > 0]).mean())


def _faint(told: Told, windows: LabelledWindows) -> Score:
    faint = windows.snr_db[told.at] < _FAINT_DB
    if faint.sum() < _LEAST:
        return Score(case="map_faint", value=None, n=int(faint.sum()), reason="too few queries are below 10 dB")
    values, groups = told.reranked[faint], [told.groups[i] for i in np.flatnonzero(faint)]
    low, high = by_group(values, groups, seed=told.seed)
    reason = f"reranked mAP@10 of queries below {_FAINT_DB:g} dB; by cosine {told.cosine[faint].mean():.3f}"
    return Score(case="map_faint", value=float(values.mean()), n=len(values), reason=reason, low=low, high=high)


def _least_taxon(told: Told, windows: LabelledWindows) -> Score:
    names = np.array([taxon_of(label) for label in windows.labels[told.at]])
    means = {name: float(told.reranked[names == name].mean()) for name in set(names) if (names == name).sum() >= _LEAST}
    if not means:
        return Score(case="map_least_taxon", value=None, n=0, reason=f"no taxon has {_LEAST} queries")
    worst = min(sorted(means), key=means.__getitem__)
    here = names == worst
    low, high = by_group(told.reranked[here], [told.groups[i] for i in np.flatnonzero(here)], seed=told.seed)
    return Score(
        case="map_least_taxon",
        value=means[worst],
        n=int(here.sum()),
        reason=f"reranked mAP@10 of {worst}, the least of {len(means)} species and sounds",
        low=low,
        high=high,
        evidence=tuple(f"{name}: {means[name]:.3f}" for name in sorted(means, key=means.__getitem__)),
        instances=tuple(
            windows.instance(int(told.at[i]), float(told.reranked[i]), "AP@10 of a query")
            for i in np.flatnonzero(here)[np.argsort(told.reranked[here], kind="stable")][:_N_INSTANCES]
        ),
    )


def _leaked(told: Told) -> Score:
    return Score(
        case="leaked_share",
        value=len(told.leaks) / len(told.at),
        n=len(told.at),
        reason=f"{len(told.leaks)} of {len(told.at)} queries could be answered by their own group",
        instances=told.leaks[:_N_INSTANCES],
    )


def _copied(told: Told, library: _Library) -> Score:
    """Return the share of queries whose very sound stands in another group."""
    found = []
    for at in told.at.tolist():
        copies = np.flatnonzero((library.similarity[at] >= _COPY) & (library.groups != library.groups[at]))
        if len(copies):
            found.append(
                library.windows.instance(at, 1.0, f"the same sound is {library.windows.where(int(copies[0]))}")
            )
    return Score(
        case="copied_share",
        value=len(found) / len(told.at),
        n=len(told.at),
        reason=f"the sound of {len(found)} of {len(told.at)} queries stands in another group as well",
        instances=tuple(found[:_N_INSTANCES]),
    )


def _slices(told: Told, windows: LabelledWindows, files: Mapping[Path, LabelledFile], taxa: Sequence[Taxon]) -> str:
    """Return mAP@10 by cosine and reranked, slice by slice, as a Markdown table."""
    group_of = {taxon.scientific_name: taxon.group or "" for taxon in taxa}
    of: dict[str, Callable[[int], str]] = {
        "set": lambda at: str(windows.sets[at]),
        "taxon group": lambda at: group_of.get(taxon_of(str(windows.labels[at])), "not told"),
        "taxon": lambda at: taxon_of(str(windows.labels[at])),
        "place": lambda at: files[windows.paths[at]].place,
        "recorder": lambda at: files[windows.paths[at]].recorder,
        "SNR": lambda at: _bin(windows.quality[at].snr_db),
    }
    lines = [
        f"Retrieval by slice (mAP@10, 95 % interval over groups; slices of {_LEAST} queries or more)",
        "",
        "| by | slice | queries | groups | cosine | reranked | gain |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, name_of in of.items():
        names = np.array([name_of(int(at)) for at in told.at])
        for name in sorted(set(names.tolist()) - {""}, key=_in_order):
            here = np.flatnonzero(names == name)
            if len(here) >= _LEAST:
                lines.append(f"| {kind} | {name} | {' | '.join(_row(told, here))} |")
    return "\n".join(lines)


def _row(told: Told, here: Rows) -> Iterator[str]:
    groups = [told.groups[i] for i in here]
    yield f"{len(here)}"
    yield f"{len(set(groups))}"
    for values in (told.cosine[here], told.reranked[here], (told.reranked - told.cosine)[here]):
        yield str(clustered_interval(values, groups, seed=told.seed))


def _bin(snr_db: float | None) -> str:
    if snr_db is None:
        return "not measured"
    n = int(np.searchsorted(_EDGES_DB, snr_db, side="right"))
    low = f"{_EDGES_DB[n - 1]:g}" if n else ""
    high = f"{_EDGES_DB[n]:g}" if n < len(_EDGES_DB) else ""
    return f"{low} to {high} dB" if low and high else f"below {high} dB" if high else f"{low} dB and more"


def _in_order(name: str) -> tuple[bool, float, str]:
    """Sort bins by their level, and names by the alphabet."""
    level = name.removeprefix("below ").split(" ", 1)[0]
    is_level = name.endswith(("dB", "more")) and level.lstrip("-").isdigit()
    return not is_level, float(level) - name.startswith("below") if is_level else 0.0, name


def _filtered(told: Told, library: _Library, files: Mapping[Path, LabelledFile]) -> str:
    """Return mAP@10 by cosine in libraries that a filter has made smaller, where relevant calls are left."""
    windows = library.windows
    place = np.array([files[path].place for path in windows.paths])
    snr_db = windows.snr_db
    filters: dict[str, Callable[[int], npt.NDArray[np.bool_]]] = {
        "everything": lambda _: np.ones(len(windows), dtype=bool),
        "snr>=10": lambda _: np.nan_to_num(snr_db, nan=-np.inf) >= 10,
        "snr<=10": lambda _: np.nan_to_num(snr_db, nan=np.inf) <= 10,
        "the query's set": lambda at: windows.sets == windows.sets[at],
        "other places than the query's": lambda at: place != place[at] if place[at] else np.zeros(len(windows), bool),
    }
    lines = [
        "Cosine in a filtered library (mAP@10 of the queries that have relevant calls left)",
        "",
        "| filter | queries | library, mean | mAP@10 |",
        "|---|---|---|---|",
    ]
    for name, keep in filters.items():
        values, groups, sizes = [], [], []
        for at, group in zip(told.at.tolist(), told.groups, strict=True):
            left = np.flatnonzero(keep(at) & (library.groups != library.groups[at]))
            relevant = windows.labels[left] == windows.labels[at]
            if relevant.any():
                order = np.argsort(-library.similarity[at, left], kind="stable")
                values.append(measure_ranking(relevant[order], int(relevant.sum())).average_precision)
                groups.append(group)
                sizes.append(len(left))
        if len(values) >= _LEAST:
            interval = clustered_interval(np.array(values), groups, seed=told.seed)
            lines.append(f"| {name} | {len(values)} | {np.mean(sizes):.0f} | {interval} |")
    return "\n".join(lines)
