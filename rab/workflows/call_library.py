"""The call library: labelled reference collections, taken in like any recording and found like any call.

A collection is a folder of labelled clips or a label table (`rab.audio.label_tables`). Its recordings go through the
ordinary ingest; then every segment that overlaps a labelled span by half of the shorter of the two, or more, gets the
span's name as an `imported` label, with author, licence and provenance: the collection's name, a colon, and the row.
So an exemplar says whose it is wherever it is cited, and a search is limited to exemplars with `source=imported`.

Recordings that the library has not met are put at a site of their own, `library:NAME`. Without one, a deployment whose
pattern is `*` would claim them, and a clip from another continent would count as monitoring effort there. Recordings
that it has met stay where they are: labels of one's own recordings are brought in the same way.
"""

import os
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from rab.audio import read_recording, stated_licence
from rab.audio.label_tables import LabelledSpan, read_collection
from rab.domain import (
    CallSegment,
    Deployment,
    EmbedderCard,
    FileFailure,
    IngestReport,
    Label,
    LabelKind,
    SegmentFilter,
    Value,
    parse_filter,
)
from rab.domain.probe import Probe
from rab.errors import InputError, NotFound, RabError
from rab.logs import canonical_line
from rab.workflows.ingest import IngestPolicy, Watch, ingest
from rab.workflows.probing import LABEL_KINDS, card_of, list_probes
from rab.workflows.workspace import Workspace

OWN = "own labels"
"""What labels that people gave in RAB are listed under."""

_EVERYTHING = SegmentFilter()
_LEAST_OVERLAP = 0.5
"""Share of the shorter of span and segment that must lie in both."""


class CollectionTerms(Value):
    """What holds for every exemplar of a collection, unless its row says otherwise."""

    name: str
    licence: str | None = None
    source: str | None = None
    """Where it was got: a URL, a citation."""
    kind: LabelKind = "taxon"
    """What its label column, or its folders, name."""


class CollectionReport(Value):
    """What became of a collection."""

    name: str
    n_spans: int
    """Names given to recordings or spans of them."""
    n_labels: int
    """Labels given to segments."""
    n_segments: int
    """Segments that have one or more of them."""
    names: tuple[tuple[str, int], ...]
    """Each name with the number of its segments."""
    ingests: tuple[IngestReport, ...]
    failures: tuple[FileFailure, ...]
    """Rows and files that could not be used; the others were."""


class Removal(NamedTuple):
    """What became of a collection that was removed."""

    n_labels: int
    notes: tuple[str, ...]
    """The probes that its labels taught, and what to do about each."""


class CollectionFacts(Value):
    """A collection as the library holds it; `own labels` are those that people gave in RAB."""

    name: str
    model: str
    n_exemplars: int
    """Segments that bear a label of it."""
    names: tuple[tuple[str, int], ...]
    licences: tuple[tuple[str, int], ...]
    """Each licence, `not stated` too, with the number of its labels."""


def add_collection(
    workspace: Workspace,
    path: Path,
    terms: CollectionTerms,
    *,
    models: Sequence[str],
    table: Path | None = None,
    n_threads: int | None = None,
    policy: IngestPolicy | None = None,
    watch: Watch = lambda _: None,
) -> CollectionReport:
    """Take a labelled collection in; one of the same name that is there already has its labels replaced.

    Rows and files that cannot be used are listed, and the rest goes on. Raises `InputError` for a name that is none and
    for a table without the columns that are needed, `NotFound` for a path that is not there, and what `ingest` raises.
    """
    if not re.fullmatch(r"[^:\s][^:\n]*", terms.name):
        raise InputError(f"a collection cannot be called {terms.name!r}", hint="give a --name without a colon")
    with canonical_line("add_collection", collection=terms.name) as line:
        spans, failures = read_collection(path, table=table, kind=terms.kind)
        by_file = _by_file(spans)
        ids, unread = _recording_ids(by_file)
        ingests = tuple(_take_in(workspace, ids, terms, models, n_threads, policy, watch))
        unheard = {failure.path for report in ingests for failure in report.failures}
        labels, unmet = _labels(
            workspace,
            {file: by_file[file] for file in ids if str(file.absolute()) not in unheard},
            ids,
            terms,
            [workspace.card(model) for model in dict.fromkeys(models)],
        )
        workspace.catalog.remove_labels("imported", f"{terms.name}: ")
        workspace.catalog.add_labels(labels)
        heard = (failure for report in ingests for failure in report.failures)
        failures = (*failures, *unread, *heard, *unmet)
        line.update(n_labels=len(labels), n_failed=len(failures))
    return CollectionReport(
        name=terms.name,
        n_spans=len(spans),
        n_labels=len(labels),
        n_segments=len({label.segment_id for label in labels}),
        names=_counted(label.taxon for label in labels),
        ingests=ingests,
        failures=failures,
    )


def list_collections(workspace: Workspace) -> list[CollectionFacts]:
    """Return every collection of every model's segments, by name, and last what people labelled in RAB."""
    found = []
    for card in workspace.catalog.cards():
        of_name: dict[str, list[Label]] = defaultdict(list)
        for _, label in workspace.catalog.labels(card.space, _EVERYTHING):
            if label.source == "human":
                of_name[OWN].append(label)
            elif label.source == "imported":
                of_name[(label.provenance or "").partition(": ")[0] or "without provenance"].append(label)
        found += [_facts(name, card, labels) for name, labels in of_name.items()]
    return sorted(found, key=lambda one: (one.name == OWN, one.name, one.model))


def remove_collection(workspace: Workspace, name: str) -> Removal:
    """Take a collection's labels away; its recordings stay, and so do the probes that it taught. Raises `NotFound`."""
    notes = tuple(_probe_notes(workspace, name))
    n = workspace.catalog.remove_labels("imported", f"{name}: ")
    if not n:
        raise NotFound(f"there is no collection {name}", hint="`rab library list` shows them")
    return Removal(n_labels=n, notes=notes)


def _probe_notes(workspace: Workspace, name: str) -> Iterator[str]:
    """Yield a sentence for each probe whose lessons the collection's labels are, or may have been, among."""
    for probe in list_probes(workspace):
        kind = LABEL_KINDS.get(probe.kind)
        if kind is None:
            continue
        met = [
            label
            for _, label in workspace.catalog.labels(probe.space, _taught_with(probe))
            if label.source == "imported" and (label.provenance or "").startswith(f"{name}: ")
            if label.kind == kind and label.taxon in probe.classes
        ]
        if met:
            known = any(label.labelled_at <= probe.trained_at for label in met)
            how = "was taught with such labels" if known else "may rest on an earlier form of such labels"
            again = f"rab probes train {probe.name} --kind {probe.kind} --model {card_of(workspace, probe).key}"
            where = "" if probe.taught_with == "everything" else f" --where {shlex.quote(probe.taught_with)}"
            yield (
                f"the probe {probe.name} {how} and stays in use: train it anew with `{again}{where}`,"
                f" or forget it with `rab probes remove {probe.name}`"
            )


def _taught_with(probe: Probe) -> SegmentFilter:
    try:
        return parse_filter(probe.taught_with)
    except InputError:
        return _EVERYTHING  # of before a rule that refuses its words: more may be told than need be


def is_labelled_by(segment: CallSegment, span: LabelledSpan) -> bool:
    """Return whether a span's name holds for a segment: half of the shorter of the two lies in both.

    A span without times means the whole recording. One without length is a moment, and its segment is the one around.
    """
    if span.t0_ms is None or span.t1_ms is None:
        return True
    if span.t0_ms == span.t1_ms:
        return segment.t0_ms <= span.t0_ms < segment.t1_ms
    shared_ms = min(segment.t1_ms, span.t1_ms) - max(segment.t0_ms, span.t0_ms)
    return shared_ms > 0 and shared_ms >= _LEAST_OVERLAP * min(segment.t1_ms - segment.t0_ms, span.t1_ms - span.t0_ms)


def _by_file(spans: Sequence[LabelledSpan]) -> dict[Path, list[LabelledSpan]]:
    """Return spans by their file, which rows may spell in several ways: as the first one does."""
    spelled: dict[str, Path] = {}
    found: dict[Path, list[LabelledSpan]] = defaultdict(list)
    for span in spans:
        found[spelled.setdefault(os.path.realpath(span.path), Path(span.path))].append(span)
    return found


def _recording_ids(files: dict[Path, list[LabelledSpan]]) -> tuple[dict[Path, str], list[FileFailure]]:
    ids, failures = {}, []
    for file in files:
        try:
            ids[file] = read_recording(file).id
        except RabError as error:
            failures.append(_failure(str(file), error))
    return ids, failures


def _take_in(
    workspace: Workspace,
    ids: dict[Path, str],
    terms: CollectionTerms,
    models: Sequence[str],
    n_threads: int | None,
    policy: IngestPolicy | None,
    watch: Watch,
) -> Iterator[IngestReport]:
    """Ingest what has not been heard: new recordings at the collection's own site, others where they are."""
    known = {recording.id for recording in workspace.catalog.recordings()}
    new = [file for file, recording_id in ids.items() if recording_id not in known]
    if new:
        here = Deployment(site=f"library:{terms.name}")
        yield ingest(
            workspace, new, models=models, here=here, policy=policy, n_threads=n_threads, order="path", watch=watch
        )
    cards = {card.key: card for card in workspace.catalog.cards()}
    for model in dict.fromkeys(models):
        unheard = [
            file
            for file, recording_id in ids.items()
            if recording_id in known and not (model in cards and _segments(workspace, cards[model], recording_id))
        ]
        if unheard:
            yield ingest(workspace, unheard, models=[model], policy=policy, n_threads=n_threads, watch=watch)


def _segments(workspace: Workspace, card: EmbedderCard, recording_id: str) -> list[CallSegment]:
    where = SegmentFilter(recording_ids=(recording_id,))
    return [stored.segment for stored in workspace.catalog.list_segments(card.space, where)]


def _labels(
    workspace: Workspace,
    spans_of: dict[Path, list[LabelledSpan]],
    ids: dict[Path, str],
    terms: CollectionTerms,
    cards: Sequence[EmbedderCard],
) -> tuple[list[Label], list[FileFailure]]:
    """Return the labels of all segments that spans meet, and the rows whose span meets none, each once."""
    now = datetime.now(UTC)
    labels: dict[tuple[str, str, str], Label] = {}
    unmet: dict[str, FileFailure] = {}
    for file, spans in spans_of.items():
        segments = [one for card in cards for one in _segments(workspace, card, ids[file])]
        licence = stated_licence(file)
        for span in spans:
            met = [one for one in segments if is_labelled_by(one, span)]
            if not met:
                error = InputError("no segment of its recording lies there", hint="compare it with `rab segments`")
                unmet[span.row] = _failure(f"{file}: {span.row}", error)
            for one in met:
                label = _label(one, span, terms, licence, now)
                labels.setdefault((one.id, label.kind, label.taxon), label)
    return list(labels.values()), list(unmet.values())


def _label(
    segment: CallSegment, span: LabelledSpan, terms: CollectionTerms, licence: str | None, now: datetime
) -> Label:
    source = span.source or terms.source
    return Label(
        segment_id=segment.id,
        taxon=span.name,
        source="imported",
        author=span.author or terms.name,
        labelled_at=now,
        kind=span.kind,
        licence=span.licence or terms.licence or licence,
        provenance=f"{terms.name}: {span.row}" + (f", {source}" if source else ""),
    )


def _facts(name: str, card: EmbedderCard, labels: Sequence[Label]) -> CollectionFacts:
    return CollectionFacts(
        name=name,
        model=card.key,
        n_exemplars=len({label.segment_id for label in labels}),
        names=_counted(label.taxon for label in labels),
        licences=_counted(label.licence or "not stated" for label in labels),
    )


def _counted(names: Iterator[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _failure(path: str, error: RabError) -> FileFailure:
    return FileFailure(path=path, code=error.code, message=error.message, hint=error.hint)
