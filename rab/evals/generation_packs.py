"""Evidence Packs of real recordings, to write about: gathered in a library made for the purpose and thrown away.

The recordings are ingested and clustered as a user's would be, and a pack is gathered of every segment three times:
before anybody labelled anything, after a listener has named half of the recordings (each by the class that its
segments score highest, so that labels and sound belong together), and in a library from which every recording with a
near call is left out. Then of calls on the SNR ladder, of calls searched in one recording only, and of silence and
clipping made from real sound. Summaries are of every site, recording, hour and taxon that there is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from scipy.io import wavfile

from rab.audio import read_clip, read_deployments, read_recording
from rab.domain import Deployment, EvidencePack, Label, Recording, SegmentFilter, StoredSegment, Waveform
from rab.errors import InputError
from rab.evals.ladder import RUNGS_DB, mix, own_noise
from rab.evidence.summary_pack import gather_summary
from rab.generation.needs.base import Output
from rab.generation.policy import DEFAULT_POLICY
from rab.workflows.clips import hear
from rab.workflows.clustering import cluster_library
from rab.workflows.hypothesising import screened
from rab.workflows.ingest import ingest
from rab.workflows.labelling import keep_labels
from rab.workflows.questions import evidence
from rab.workflows.workspace import Workspace

OpenLibrary = Callable[[Path], AbstractContextManager[Workspace]]
EVERYTHING = SegmentFilter()
LISTENER = "a listener of the evaluation"
MOST_RECORDINGS, MOST_SEGMENTS = 80, 120
_N_ON_LADDER, _N_SINGLE, _N_FAR = 8, 40, 40
_LOUD = 30.0
"""Factor that drives a call into clipping."""


class Trial(NamedTuple):
    """A pack, what is to be written of it, and what is known beforehand of the text."""

    name: str
    """Family, recording and time: the pack can be gathered again."""
    family: str
    pack: EvidencePack
    output: Output
    recording: str
    """What it is clustered by: the id of the query's recording, or the summary's filter."""
    must_abstain: bool | None = None
    """True or False where the pack was made so; None where nobody knows."""


@contextmanager
def library_of(open_library: OpenLibrary, model: str, recordings: Sequence[Recording]) -> Iterator[Workspace]:
    """Fill a library with 80 recordings or a few more, and cluster it, in a folder that is removed behind it."""
    with TemporaryDirectory(prefix="rab-eval-") as folder, open_library(Path(folder) / "home") as workspace:
        step = max(len(recordings) // MOST_RECORDINGS, 1)
        paths = [Path(one.path) for one in recordings[::step]]
        ingest(workspace, paths, models=(model,), deployments=_deployments(paths))
        with suppress(InputError):  # too few segments to cluster
            cluster_library(workspace, model=model)
        yield workspace


def gather(workspace: Workspace, model: str, *, seed: int) -> list[Trial]:
    """Gather the real packs of a library, which gets labels on the way."""
    card = workspace.card(model)
    drawn = np.random.default_rng(seed)
    stored = sorted(workspace.catalog.list_segments(card.space, EVERYTHING), key=lambda one: one.segment.id)
    kept = [stored[at] for at in sorted(drawn.permutation(len(stored))[:MOST_SEGMENTS])]
    trials = [_trial("unlabelled library", one, evidence(workspace, one.segment.id)) for one in kept]
    far = [one for one in kept if _holds_call(one)][:_N_FAR]
    trials += [_far(workspace, trial, one) for trial, one in zip(trials, kept, strict=True) if one in far]
    _label_half(workspace, stored)
    trials += [_trial("clean", one, evidence(workspace, one.segment.id)) for one in kept]
    others = sorted({one.recording.id for one in stored})
    for at, one in enumerate(kept[:_N_SINGLE]):
        where = SegmentFilter(recording_ids=(others[(at + 1) % len(others)],))
        trials.append(_trial("single recording", one, evidence(workspace, one.segment.id, where=where)))
    trials += _made(workspace, model, [one for one in kept if _holds_call(one)])
    trials += _summaries(workspace, model, stored)
    trials.append(Trial("hypotheses: everything", "hypotheses", screened(workspace, model=model), "hypotheses", "all"))
    both = [one._replace(output="suggestion", name=f"{one.name}, suggestion") for one in trials if one.pack.query]
    return [*trials, *both]


def changed(pack: EvidencePack, **content: object) -> EvidencePack:
    """Return a pack with other content, sealed anew."""
    fields = {name: getattr(pack, name) for name in type(pack).model_fields}
    return EvidencePack(**{**fields, **content})


def _trial(family: str, one: StoredSegment, pack: EvidencePack) -> Trial:
    name = f"{family}: {one.recording.file_name} {one.segment.t0_ms / 1000:.3f} s"
    return Trial(name, family, pack, "interpretation", one.recording.id)


def _holds_call(one: StoredSegment) -> bool:
    return one.quality.snr_db is not None and one.quality.snr_db >= 0


def _far(workspace: Workspace, trial: Trial, one: StoredSegment) -> Trial:
    """Gather the pack of a call once more, without the recordings of all that lies near it."""
    excluded: set[str] = set()
    pack = trial.pack
    for _ in range(12):
        near = {
            entry.call.recording_id for entry in pack.neighbours if entry.similarity >= DEFAULT_POLICY.near_similarity
        }
        if not near:
            break
        excluded |= near
        where = SegmentFilter(exclude=(SegmentFilter(recording_ids=tuple(excluded)),))
        pack = evidence(workspace, one.segment.id, where=where)
    is_far = all(entry.similarity < DEFAULT_POLICY.near_similarity for entry in pack.neighbours)
    return _trial("far", one, pack)._replace(must_abstain=True if is_far else None)


def _label_half(workspace: Workspace, stored: Sequence[StoredSegment]) -> None:
    """Let a listener name the segments of every other recording by the class that most of them score highest."""
    by_recording: dict[str, list[StoredSegment]] = {}
    for one in stored:
        by_recording.setdefault(one.recording.id, []).append(one)
    labels = []
    for at, segments in enumerate(by_recording[one] for one in sorted(by_recording)):
        best = [max(one.scores, key=lambda score: score.raw_score).taxon for one in segments if one.scores]
        if at % 2 or not best:
            continue
        taxon = Counter(one.scientific_name for one in best).most_common(1)[0][0]
        labels += [
            Label(
                segment_id=one.segment.id,
                taxon=taxon,
                source="human",
                author=LISTENER,
                labelled_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
            for one in segments
        ]
    keep_labels(workspace, labels)


def _made(workspace: Workspace, model: str, calls: Sequence[StoredSegment]) -> Iterator[Trial]:
    """Yield packs of the best calls of different recordings on the SNR ladder, clipped, and silent."""
    loudest = sorted(calls, key=lambda one: -(one.quality.snr_db or 0))
    best = list({one.recording.id: one for one in reversed(loudest)}.values())[::-1][:_N_ON_LADDER]
    for one in best:
        clip = read_clip(one.recording, channel=None, t0_ms=one.segment.t0_ms, t1_ms=one.segment.t1_ms)
        noise = own_noise(clip)
        for rung_db in RUNGS_DB if noise is not None else ():
            assert noise is not None
            mixed = mix(clip, noise, rung_db)
            if mixed is not None:
                yield from _heard(workspace, model, f"SNR {rung_db:g} dB", "SNR ladder", one, mixed)
        loud = np.clip(clip.samples * np.float32(_LOUD), -1, 1).astype(np.float32)
        yield from _heard(workspace, model, "clipped", "clipped", one, Waveform(loud, clip.sample_rate_hz, 0.0))
        silent = Waveform(np.zeros_like(clip.samples), clip.sample_rate_hz, 0.0)
        for trial in _heard(workspace, model, "silence", "silence", one, silent):
            yield trial._replace(must_abstain=True)


def _heard(
    workspace: Workspace, model: str, words: str, family: str, one: StoredSegment, clip: Waveform
) -> Iterator[Trial]:
    """Yield the pack of a made sound; nothing where the model hears no call in it."""
    path = workspace.home / f"{one.recording.file_name}-{one.segment.t0_ms:.0f}-{words.replace(' ', '-')}.wav"
    wavfile.write(path, clip.sample_rate_hz, clip.samples)
    with suppress(InputError):
        pack = evidence(workspace, hear(workspace, read_recording(path), model=model)[0])
        yield _trial(words, one, pack)._replace(family=family)


def _summaries(workspace: Workspace, model: str, stored: Sequence[StoredSegment]) -> Iterator[Trial]:
    card = workspace.card(model)
    for where in _filters(stored):
        pack = gather_summary(workspace.catalog, card, where=where, policy=workspace.summary)
        yield Trial(f"summary: {where.words}", "summary", pack, "summary", where.words)


def _filters(stored: Sequence[StoredSegment]) -> Iterator[SegmentFilter]:
    yield EVERYTHING
    yield SegmentFilter(sites=("a site that is not there",))
    yield from (SegmentFilter(snr_min_db=float(least)) for least in (0, 5, 10, 20))
    yield from (SegmentFilter(local_hours=(hour,)) for hour in range(0, 24, 4))
    for site in sorted({one.recording.site for one in stored if one.recording.site}):
        yield SegmentFilter(sites=(site,))
    for recording in sorted({one.recording.id for one in stored}):
        yield SegmentFilter(recording_ids=(recording,))
    best = Counter(max(one.scores, key=lambda score: score.raw_score).taxon for one in stored if one.scores)
    for taxon, _ in best.most_common(12):
        yield SegmentFilter(taxa=(taxon.scientific_name,), raw_score_min=0.1)


def _deployments(paths: Iterable[Path]) -> list[Deployment]:
    """Read the tables of deployments that lie in the folders above recordings."""
    tables = {parent / "deployments.csv" for path in paths for parent in list(path.parents)[:5]}
    return [one for table in sorted(tables) if table.is_file() for one in read_deployments(table)]
