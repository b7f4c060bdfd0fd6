"""Probes of a library: taught by its labels, its habitats or its recorders, kept with it, applied to its segments.

Species, call types and individuals are what people and tables say of segments; a model's labels teach nothing. Habitat
and recorder stand in the deployments and the files. Whole recordings are held apart, and whole sites for habitat and
recorder where each class has two: else a probe of habitats may know the places, and a probe of recorders where they
hung.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from rab.domain import CallRef, EmbedderCard, LabelKind, Recording, SegmentFilter, Value
from rab.domain.probe import HeldOut, Probe, ProbeKind, ProbeScore
from rab.errors import InputError, NotFound, SpaceMismatch, StorageFailed
from rab.evidence.calls import call_ref
from rab.logs import canonical_line
from rab.retrieval.probes import Examples, ProbePolicy, probe_scores, train_probe
from rab.workflows.recordists import recordists
from rab.workflows.workspace import Workspace

SHOTS = (1, 2, 4, 8, 16)
"""Examples per class at which a learning curve is measured."""

LABEL_KINDS: dict[ProbeKind, LabelKind] = {"species": "taxon", "call-type": "call_type", "individual": "individual"}
"""What labels of a kind teach; probes of other kinds are taught by deployments and files."""

_MAX_PER_CLASS = 500
_MAX_EXAMPLES = 5_000
_MIN_PER_CLASS = 16
_MAX_PER_RECORDING = 5
"""Segments of a recording that teach its habitat or its recorder; more are nearly the same."""


class ProbeAnswer(Value):
    """What a probe says of a segment."""

    call: CallRef
    scores: tuple[ProbeScore, ...]
    """Best first."""


def teach_probe(
    workspace: Workspace,
    name: str,
    *,
    kind: ProbeKind,
    model: str,
    where: SegmentFilter = SegmentFilter(),
    curve: bool = False,
    policy: ProbePolicy = ProbePolicy(),
) -> Probe:
    """Teach a probe with the matching segments, judge it on what was held apart, and keep it as a new version.

    At most 500 segments of a class are used, and of many classes fewer, 5,000 in all, chosen at random. `curve` adds
    the accuracy with 1 to 16 examples of each class. Segments whose labels contradict each other are left out, and the
    caveats say how many. Raises `InputError` for a name that cannot be written in a
    command, and for fewer than two classes.
    """
    if not re.fullmatch(r"[\w.-]{1,64}", name):
        raise InputError(f"a probe cannot be called {name!r}", hint="use letters, digits, dots, dashes and underscores")
    card = workspace.card(model)
    with canonical_line("teach_probe", probe=name, kind=kind) as line:
        n_contradictory = 0
        if kind in LABEL_KINDS:
            told, n_contradictory = _labelled(workspace, card, where, LABEL_KINDS[kind])
        else:
            told = _of_recordings(workspace, card, where, _sensor if kind == "sensor" else _habitat, policy)
        contradictions = _contradictions(n_contradictory)
        if not told or (contradictions and len(told) == 1):
            why = "".join(contradictions) or f"nothing in the library says of a segment which {_NOUNS[kind]} it is"
            raise InputError(why.removesuffix("."), hint=_HINTS[kind])
        examples, caveats = _examples(workspace, card, _evenly(told, policy), kind)
        probe = train_probe(
            examples,
            name=name,
            kind=kind,
            space=card.space,
            taught_with=where.words,
            caveats=(*contradictions, *caveats),
            shots=SHOTS if curve else (),
            policy=policy,
        )
        probe = _with_device_warning(probe)
        workspace.catalog.keep_learned("probe", name, card.space, probe.model_dump_json())
        line.update(n_classes=len(probe.classes), n_examples=sum(probe.n_per_class), n_contradictory=n_contradictory)
    return probe


def list_probes(workspace: Workspace) -> list[Probe]:
    """Return the newest version of every probe, by model and name."""
    return [probe for card in workspace.catalog.cards() for probe in probes_of(workspace, card)]


def probes_of(workspace: Workspace, card: EmbedderCard) -> list[Probe]:
    """Return the newest version of every probe of one model's space, by name."""
    return [_read(kept.document) for kept in workspace.catalog.all_learned("probe", card.space)]


def find_probe(workspace: Workspace, name: str, *, model: str | None = None) -> Probe:
    """Return the newest version of a probe, of any model's space or of one.

    Raises `NotFound`; `SpaceMismatch` where another model's space has one of that name; `InputError` where several have
    and no model is named.
    """
    named = [probe for probe in list_probes(workspace) if probe.name == name]
    if not named:
        raise NotFound(f"there is no probe {name}", hint="`rab probes list` shows them")
    if model is None:
        if len(named) > 1:
            raise InputError(f"{len(named)} models have a probe {name}", hint="choose one with --model")
        return named[0]
    space = workspace.card(model).space
    fitting = next((probe for probe in named if probe.space == space), None)
    if fitting is None:
        raise SpaceMismatch(
            f"the probe {name} was taught in {named[0].space}, not in {space}", hint=f"teach one with --model {model}"
        )
    return fitting


def remove_probe(workspace: Workspace, name: str, *, model: str | None = None) -> int:
    """Forget all versions of a probe, and return how many there were. Raises as `find_probe` does."""
    return workspace.catalog.forget_learned("probe", name, find_probe(workspace, name, model=model).space)


def card_of(workspace: Workspace, probe: Probe) -> EmbedderCard:
    """Return the card of the model in whose space a probe was taught. Raises `SpaceMismatch` where it is gone."""
    card = next((one for one in workspace.catalog.cards() if one.space == probe.space), None)
    if card is None:
        raise SpaceMismatch(
            f"the probe {probe.name} was taught in {probe.space}, which this library no longer fills",
            hint="teach it again",
        )
    return card


def apply_probe(
    workspace: Workspace, probe: Probe, *, where: SegmentFilter = SegmentFilter(), limit: int | None = None
) -> Iterator[ProbeAnswer]:
    """Yield what a probe says of the matching segments, in the order of recordings and time."""
    card = card_of(workspace, probe)
    ids = workspace.catalog.segment_ids(card.space, where)[:limit]
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        stored, vectors = workspace.catalog.segments(some), workspace.store(card).fetch(some)
        for one in some:
            if one in stored and one in vectors:
                scores = probe_scores(probe, vectors[one].vector, space=card.space)
                yield ProbeAnswer(call=call_ref(stored[one]), scores=scores)


_NOUNS: dict[ProbeKind, str] = {
    "species": "species",
    "call-type": "call type",
    "individual": "individual",
    "habitat": "habitat",
    "sensor": "recorder",
}
_HINTS: dict[ProbeKind, str] = {
    "species": "label segments with `rab label`, or bring a labelled collection with `rab library add`",
    "call-type": "bring labels with a call_type column: `rab library add PATH --labels TABLE`",
    "individual": "bring labels with an individual column: `rab library add PATH --labels TABLE`",
    "habitat": "fill the habitat column of the deployments table and ingest with --deployments",
    "sensor": "recorders write their serial number into the file; else fill the recorder column of --deployments",
}

_ClassOf = Callable[[Recording], str | None]


class _Told(NamedTuple):
    """A segment and its class."""

    segment_id: str
    name: str


def _habitat(recording: Recording) -> str | None:
    return recording.notes.habitat


def _sensor(recording: Recording) -> str | None:
    notes = recording.notes
    return notes.serial or notes.model


def _labelled(
    workspace: Workspace, card: EmbedderCard, where: SegmentFilter, kind: LabelKind
) -> tuple[Mapping[str, list[_Told]], int]:
    """Return labelled segments by class, and how many were left out because their labels contradict each other.

    A person's word goes before a table's, and of one author the newest; what is said in one breath counts together.
    """
    trusted = {"imported": 0, "human": 1}
    said: dict[str, dict[tuple[int, str], tuple[datetime, set[str]]]] = defaultdict(dict)
    for segment_id, label in workspace.catalog.labels(card.space, where):
        if label.kind != kind or label.source not in trusted:
            continue
        by = trusted[label.source], label.author
        at, names = said[segment_id].get(by, (label.labelled_at, set()))
        if label.labelled_at >= at:
            said[segment_id][by] = label.labelled_at, {label.taxon} | (names if label.labelled_at == at else set())
    told, n_contradictory = defaultdict(list), 0
    for segment_id, words in sorted(said.items()):
        best = max(rank for rank, _ in words)
        names = set().union(*(some for (rank, _), (_, some) in words.items() if rank == best))
        if len(names) == 1:
            told[min(names)].append(_Told(segment_id, min(names)))
        else:
            n_contradictory += 1
    return told, n_contradictory


def _contradictions(n: int) -> tuple[str, ...]:
    """Return what must be said of labels that contradict each other."""
    left_out = "1 segment was left out: its" if n == 1 else f"{n} segments were left out: their"
    return (f"{left_out} labels contradict each other (of each author the newest counts).",) if n else ()


def _of_recordings(
    workspace: Workspace, card: EmbedderCard, where: SegmentFilter, class_of: _ClassOf, policy: ProbePolicy
) -> Mapping[str, list[_Told]]:
    """Return segments by what their recordings are told of; a few from each recording."""
    random = np.random.default_rng(policy.seed)
    recordings: dict[str, list[Recording]] = defaultdict(list)
    for recording in workspace.catalog.recordings():
        name = class_of(recording)
        if name is not None:
            recordings[name].append(recording)
    told: dict[str, list[_Told]] = defaultdict(list)
    for name, some in sorted(recordings.items()):
        for i in random.permutation(len(some)):
            if len(told[name]) >= _MAX_PER_CLASS:
                break
            own = where.model_copy(update={"recording_ids": (some[i].id,)})
            if where.recording_ids and some[i].id not in where.recording_ids:
                continue
            ids = workspace.catalog.segment_ids(card.space, own)
            chosen = np.sort(random.permutation(len(ids))[:_MAX_PER_RECORDING])
            told[name] += [_Told(ids[j], name) for j in chosen]
    return {name: some for name, some in told.items() if some}


def _evenly(told: Mapping[str, list[_Told]], policy: ProbePolicy) -> list[_Told]:
    random = np.random.default_rng(policy.seed)
    n_most = min(_MAX_PER_CLASS, max(_MIN_PER_CLASS, _MAX_EXAMPLES // max(1, len(told))))
    return [
        some[i] for _, some in sorted(told.items()) for i in np.sort(random.permutation(len(some))[:n_most]).tolist()
    ]


def _examples(
    workspace: Workspace, card: EmbedderCard, told: Sequence[_Told], kind: ProbeKind
) -> tuple[Examples, tuple[str, ...]]:
    """Return vectors with classes and groups, and what must be said of the groups."""
    found = workspace.store(card).fetch([one.segment_id for one in told])
    known = [one for one in told if one.segment_id in found]
    payloads = [found[one.segment_id].payload for one in known]
    names = [one.name for one in known]
    vectors = np.zeros((0, card.dim), dtype=np.float32)
    if known:
        vectors = np.stack([found[one.segment_id].vector for one in known])
    held_out: HeldOut = "recording"
    groups = [payload.recording_id for payload in payloads]
    recording_of = {payload.segment_id: payload.recording_id for payload in payloads}
    labels = workspace.catalog.labels(card.space, SegmentFilter())
    recordist_of = recordists((recording_of[one], label) for one, label in labels if one in recording_of)
    if recordist_of:
        held_out, groups = "group", [recordist_of.get(one, one) for one in groups]
    caveats: tuple[str, ...] = ()
    if kind in ("habitat", "sensor") and known:
        places = defaultdict(set)
        for name, payload in zip(names, payloads, strict=True):
            places[name].add(payload.site)
        if all(len(sites - {None}) > 1 for sites in places.values()):
            held_out, groups = "site", [payload.site or payload.recording_id for payload in payloads]
        else:
            caveats = (
                f"Some {_NOUNS[kind]} was heard at fewer than two sites, so it cannot be told apart from its place.",
            )
    return Examples(vectors, names, groups, held_out), caveats


def _with_device_warning(probe: Probe) -> Probe:
    """Say so where a probe of recorders does better than a guess."""
    metrics = probe.metrics
    if probe.kind != "sensor" or metrics is None or not metrics.beats_chance:
        return probe
    warning = (
        f"The embedding carries the device: recorders are told apart with {metrics.balanced_accuracy:.2f} balanced"
        f" accuracy (95 % interval {metrics.low:.2f} to {metrics.high:.2f}) where a guess has {metrics.chance:.2f}."
    )
    return probe.model_copy(update={"caveats": (*probe.caveats, warning)})


def _read(document: str) -> Probe:
    try:
        return Probe.model_validate_json(document)
    except ValidationError as error:
        raise StorageFailed(
            f"the catalog holds a probe that cannot be read: {error.errors()[0]['msg']}",
            hint="it was made by a newer RAB; update, or teach it again",
        ) from error
