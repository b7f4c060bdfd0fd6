"""Hypothesising: which contrasts of a library are worth a question, and the questions with all that belongs to them."""

from collections.abc import Sequence

import numpy as np

from rab.catalog.observed import Observed
from rab.domain import EmbedderCard, EvidencePack, HypothesisPrompts, SegmentFilter, names_in_force
from rab.domain.evidence import FAMILIES, Family
from rab.errors import InputError
from rab.evidence.hypotheses.contrast import Whole
from rab.evidence.hypothesis_pack import Ground, Names, ScreenPolicy, gather_hypotheses
from rab.logs import canonical_line
from rab.workflows.filters import understand
from rab.workflows.questions import EVERYTHING
from rab.workflows.workspace import Workspace
from rab.workflows.writing import write


def hypothesise(
    workspace: Workspace,
    *,
    model: str,
    where: SegmentFilter = EVERYTHING,
    families: Sequence[Family] = FAMILIES,
    policy: ScreenPolicy = ScreenPolicy(),
) -> HypothesisPrompts:
    """Screen the segments under `where`, and write the questions that they raise; the pack is kept.

    No vector is read. Raises `NotFound` when `model` never filled the library, `InputError` when no segment matches.
    """
    with canonical_line("hypotheses", model=model) as line:
        pack = screened(workspace, model=model, where=where, families=families, policy=policy)
        workspace.catalog.save_pack(pack)
        written = write(workspace, pack, "hypotheses")
        line.update(pack_id=pack.pack_id, n_contrasts=len(pack.contrasts), n_dropped=len(written.dropped))
    return written


def screened(
    workspace: Workspace,
    *,
    model: str,
    where: SegmentFilter = EVERYTHING,
    families: Sequence[Family] = FAMILIES,
    policy: ScreenPolicy = ScreenPolicy(),
) -> EvidencePack:
    """Screen the segments under `where` and return the sealed pack, without a text."""
    card, catalog = workspace.card(model), workspace.catalog
    where, notes = understand(workspace, where, model)
    ground = ground_of(workspace, card, where, families=families, policy=policy)
    if not len(ground.seen):
        raise InputError("no segment matches", hint="; ".join((*notes, "widen --where")))
    if (ground.seen.cluster < 0).all():
        notes = (*notes, "no segment lies in a cluster: `rab cluster` finds clusters, and most screens need them")
    library = catalog.library_facts(card.space, where)
    return gather_hypotheses(
        catalog, card, ground, where=where, library=library, families=_in_order(families), notes=notes
    )


def ground_of(
    workspace: Workspace,
    card: EmbedderCard,
    where: SegmentFilter,
    *,
    families: Sequence[Family] = FAMILIES,
    policy: ScreenPolicy = ScreenPolicy(),
) -> Ground:
    """Read what screens stand on: segments, detections, recording time and others' names."""
    catalog = workspace.catalog
    seen = catalog.observed(card.space, where)
    names: list[Names] = []
    if "model_disagreement" in families:
        labelled = _labelled(workspace, card, where, seen)
        names = [one for one in (labelled, *_by_others(workspace, card, where, seen)) if len(one.rows)]
    return Ground(
        seen,
        catalog.heard(card.space, where),
        catalog.listened(card.space, where),
        policy,
        names,
        folds_repeats=not card.finds_calls,
    )


def _in_order(families: Sequence[Family]) -> tuple[Family, ...]:
    return tuple(one for one in FAMILIES if one in families)


def _labelled(workspace: Workspace, card: EmbedderCard, where: SegmentFilter, seen: Observed) -> Names:
    """Return what people and imported tables call segments, the newest name that is in force of each."""
    given = dict(workspace.catalog.labels(card.space, where))
    row_of = seen.row_of if given else {}
    standing = {
        row_of[one]: [label for label in names_in_force(labels) if label.source != "model"]
        for one, labels in workspace.catalog.labels_of([one for one in given if one in row_of]).items()
    }
    newest = {row: max(labels, key=lambda one: one.labelled_at).taxon for row, labels in standing.items() if labels}
    rows = sorted(newest)
    return Names("labels", np.array(rows, dtype=np.int64), tuple(newest[row] for row in rows))


def _by_others(workspace: Workspace, card: EmbedderCard, where: SegmentFilter, seen: Observed) -> list[Names]:
    """Return what each other classifier names at the middle of each segment."""
    found = []
    for other in workspace.catalog.cards():
        if other.key == card.key or not other.n_classes:
            continue
        catalog = workspace.catalog
        beside = Ground(
            catalog.observed(other.space, where),
            catalog.heard(other.space, where),
            catalog.listened(other.space, where),
            ScreenPolicy(),
        )
        rows = at_the_middle(seen, beside.seen)
        taxon = np.where(rows >= 0, beside.best_taxon[rows], -1) if len(beside.seen) else np.full(len(seen), -1)
        own = np.flatnonzero(taxon >= 0)
        names = tuple(beside.heard.taxa[one].scientific_name for one in taxon[own].tolist())
        found.append(Names(other.key, own, names))
    return found


def at_the_middle(seen: Observed, other: Observed) -> Whole:
    """Return for each segment the row of the other model's segment that holds its middle, −1 where none does."""
    if not len(other):
        return np.full(len(seen), -1)
    number = {one: place for place, one in enumerate(other.recording_ids)}
    recording = np.array([number.get(one, -1) for one in seen.recording_ids], dtype=np.int64)[seen.recording]
    middle = (seen.t0_ms + seen.t1_ms) / 2
    longest = max(float(other.t1_ms.max()), float(middle.max(initial=0.0))) + 1
    order = np.lexsort((other.t0_ms, other.recording))
    begins = other.recording[order] * longest + other.t0_ms[order]
    places = np.searchsorted(begins, recording * longest + middle, side="right") - 1
    rows = order[np.maximum(places, 0)]
    holds = (places >= 0) & (other.recording[rows] == recording) & (other.t1_ms[rows] >= middle)
    return np.where(holds, rows, -1)
