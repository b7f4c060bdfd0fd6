"""The library suite: whether what is stored, found and said equals what was heard.

The mechanical suite ends at the model's window. This one goes on: made sounds whose truth is known, and real ones, are
ingested into a library of their own, and what comes out of it is held against what can be worked out without it. An
index is held against going through all vectors, a stored vector against the sound at the times that stand beside it.

Filters and the number of neighbours are asked of a second library, of segments that were never heard: real sound does
not differ in all that a filter may ask, nor does it say how many neighbours are due.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from scipy.io import wavfile

from rab.audio import read_clip
from rab.domain import Recording, SegmentFilter, StoredSegment
from rab.embedders.base import Embedder
from rab.errors import InputError
from rab.evals.base import Instance, Score
from rab.evals.filtering import filter_errors
from rab.evals.intervals import UNKNOWN, Bounds, by_group, of_share
from rab.evals.labelled import unit
from rab.evals.ladder import model_samples
from rab.evals.made_segments import shelve_facts
from rab.evals.suites import read_golden
from rab.evals.witnesses import Witnesses, counted_growth
from rab.evals.witnesses import neighbour_count_error as count_error
from rab.evals.witnesses import pack_filter_error as filtered_packs_error
from rab.evals.witnesses import per_recording_error as recording_error
from rab.retrieval.neighbours import NeighbourPolicy
from rab.workflows.ingest import ingest
from rab.workflows.questions import evidence
from rab.workflows.workspace import Workspace

Floats = npt.NDArray[np.float32]
OpenLibrary = Callable[[Path], AbstractContextManager[Workspace]]
RATE_HZ = 48_000
_SNRS_DB = (30.0, 20.0, 10.0, 0.0)
_NOISE = 0.003
_BAND_HZ = (3000.0, 5000.0)
_CLIPPED_SHARE = 0.1
_MAX_MS = 600_000.0
"""Of real sound, at most: enough for hundreds of segments, and seconds to embed."""
_N_ASKED = 24
_N_PACKS = 8
_K = 10


@dataclass
class Shelf:
    """A filled library, what it was filled with, and the model under test."""

    workspace: Workspace
    embedder: Embedder
    made: Path
    seed: int
    unheard: Workspace
    """Another library, for segments that were made without sound."""

    @cached_property
    def witnesses(self) -> Witnesses:
        """Made queries in the library of what was never heard, with as many calls round each as are known."""
        return Witnesses(self.unheard, self.seed)

    @cached_property
    def stored(self) -> list[StoredSegment]:
        """All segments, as the catalog has them."""
        return self.workspace.catalog.list_segments(self.embedder.card.space, SegmentFilter())

    @cached_property
    def vectors(self) -> Floats:
        """Their vectors as the store has them, float32 [n, dim]."""
        found = self.workspace.store(self.embedder.card).vectors([one.segment.id for one in self.stored])
        return np.stack([found[one.segment.id] for one in self.stored])

    @cached_property
    def of_made(self) -> list[StoredSegment]:
        """The segments of the made recording, in the order of time."""
        own = [one for one in self.stored if Path(one.recording.path).name == self.made.name]
        return sorted(own, key=lambda one: one.segment.t0_ms)

    @cached_property
    def asked(self) -> list[int]:
        """Some segments of real sound, by number, spread over all."""
        real = [i for i, one in enumerate(self.stored) if one.quality.snr_db is not None and one not in self.of_made]
        return sorted(np.random.default_rng(self.seed).permutation(real)[:_N_ASKED].tolist())


def run_library(
    embedder: Embedder, recordings: Sequence[Recording], *, seed: int, open_library: OpenLibrary
) -> tuple[Score, ...]:
    """Fill a library with made sounds and at most ten minutes of real ones, and answer every case.

    Raises `InputError` for a model that finds calls: it has no windows that could be foretold.
    """
    if embedder.card.finds_calls:
        raise InputError(f"{embedder.card.key} finds calls itself", hint="name a model that hears windows as they are")
    with TemporaryDirectory(prefix="rab-eval-") as folder:
        made = Path(folder) / "made.wav"
        wavfile.write(made, RATE_HZ, made_sound(embedder.card.window_ms, seed))
        with open_library(Path(folder) / "home") as workspace, open_library(Path(folder) / "unheard") as unheard:
            paths = [made, *_some(recordings, embedder)]
            report = ingest(workspace, paths, models=(embedder.card.key,), n_threads=1)
            if report.failures:
                raise InputError(report.failures[0].message, hint=report.failures[0].hint)
            shelf = Shelf(workspace, embedder, made, seed, unheard)
            return tuple(ask(shelf) for ask in CASES)


def made_sound(window_ms: float, seed: int) -> npt.NDArray[np.float32]:
    """Return a recording whose truth is known: silence, calls of 30 to 0 dB, a clipped call, silence; a window each."""
    n = round(window_ms * RATE_HZ / 1000)
    clipped = _call(n, 0.5)
    sounding = np.flatnonzero(clipped)
    at = sounding[: round(_CLIPPED_SHARE * n)]
    clipped[at] = np.where(np.arange(len(at)) % 48 < 24, 1.0, -1.0)
    silence = np.zeros(n, np.float32)
    drawn = np.random.default_rng(seed)
    calls = [
        _call(n, _amplitude(snr_db)) + (_NOISE * drawn.standard_normal(n)).astype(np.float32) for snr_db in _SNRS_DB
    ]
    return np.concatenate([silence, *calls, clipped, silence]).astype(np.float32)


def golden_sounds(embedder: Embedder) -> Floats:
    """Return three made windows, float32 [3, n], that are the same on every machine."""
    card = embedder.card
    n, rate_hz = round(card.window_ms * card.sample_rate_hz / 1000), card.sample_rate_hz
    t_s = np.arange(n) / rate_hz
    noise = 0.05 * np.random.default_rng(7).standard_normal(n)
    sweep = 0.4 * np.sin(2 * np.pi * (500 * t_s + rate_hz / 16 * t_s**2 / t_s[-1])) * (t_s % 0.5 < 0.2)
    chord = 0.2 * sum(np.sin(2 * np.pi * share * rate_hz * t_s) for share in (0.05, 0.08, 0.13))
    return np.stack([noise, sweep + 0.1 * noise, chord * (t_s % 0.3 < 0.1)]).astype(np.float32)


def golden_error(shelf: Shelf) -> Score:
    """Hold embeddings of made sounds against those that were kept when the model was accepted."""
    kept = read_golden(shelf.embedder.card.key)
    if kept is None:
        reason = "no golden vectors of this model; `rab eval run library --accept` keeps some"
        return Score(case="golden_error", value=None, n=0, reason=reason)
    heard = shelf.embedder.embed(golden_sounds(shelf.embedder)).embeddings
    if heard.shape != kept.shape:
        reason = f"embeddings have {heard.shape[1]} dimensions, and the kept ones {kept.shape[1]}"
        return Score(case="golden_error", value=2.0, n=len(heard), reason=reason)
    errors = np.linalg.norm(heard - kept, axis=1) / np.linalg.norm(kept, axis=1)
    names = ("noise", "sweep", "chord")
    instances = [
        Instance(name=name, value=float(error), words="relative difference")
        for name, error in zip(names, errors, strict=True)
    ]
    return Score(
        case="golden_error",
        value=float(errors.max()),
        n=len(errors),
        reason="other weights, another preprocessing, or dimensions in another order show here",
        instances=_worst(instances, highest=True),
    )


def stored_vector_error(shelf: Shelf) -> Score:
    """Cut the sound anew at the times that the library gives, embed it, and compare."""
    chosen = [shelf.stored[i] for i in shelf.asked]
    sounds = [_cut(one, shelf.embedder) for one in chosen]
    if not sounds:
        return _none("stored_vector_error")
    anew = unit(shelf.embedder.embed(np.stack(sounds)).embeddings)
    errors = 1 - np.sum(anew * shelf.vectors[shelf.asked], axis=1)
    return _scored("stored_vector_error", chosen, errors, float(errors.max()), words="1 − cosine")


def neighbour_recall(shelf: Shelf) -> Score:
    """Compare what a search finds with what going through all vectors finds."""
    chosen = [shelf.stored[i] for i in shelf.asked]
    if not chosen:
        return _none("neighbour_recall")
    everything = np.ones(len(shelf.stored), dtype=bool)
    shares = np.array([_agreement(shelf, i, SegmentFilter(), everything) for i in shelf.asked])
    found = [one.recording.id for one in chosen]
    bounds = by_group(shares, found, seed=shelf.seed)
    return _scored(
        "neighbour_recall", chosen, shares, float(shares.mean()), words="share found", bounds=bounds, highest=False
    )


def filter_error_share(shelf: Shelf) -> Score:
    """Ask every condition of the filter language of made segments, and read each of them by hand."""
    return filter_errors(shelf.unheard, shelve_facts(shelf.unheard, shelf.seed))


def own_bout_share(shelf: Shelf) -> Score:
    """Look among the neighbours of packs for calls of the query's own bout: they are no witnesses."""
    instances = []
    n_neighbours = 0
    for i in shelf.asked[:_N_PACKS]:
        query = shelf.stored[i]
        pack = evidence(shelf.workspace, query.segment.id)
        n_neighbours += len(pack.neighbours)
        for neighbour in pack.neighbours:
            call = neighbour.call
            beside = max(call.t0_ms - query.segment.t1_ms, query.segment.t0_ms - call.t1_ms)
            if call.recording_id == query.recording.id and beside < NeighbourPolicy().own_bout_ms:
                said = f"{neighbour.key} begins at {call.t0_ms / 1000:.3f} s of the same recording"
                instances.append(_instance(query, 1.0, said, pack=pack.model_dump_json()))
    if not n_neighbours:
        return _none("own_bout_share")
    return _share("own_bout_share", len(instances), n_neighbours, f"neighbours of {_N_PACKS} packs", instances)


def silence_taken_share(shelf: Shelf) -> Score:
    """Look what became of two silent windows."""
    silent = [shelf.of_made[0], shelf.of_made[-1]]
    taken, instances = 0, []
    for one in silent:
        pack = evidence(shelf.workspace, one.segment.id)
        supported = pack.depth is not None and pack.depth.species_claims_supported
        wrong = one.quality.snr_db is not None or not one.quality.silent or supported
        taken += wrong
        said = f"silent {one.quality.silent}, SNR {one.quality.snr_db}, claims supported {supported}"
        instances.append(_instance(one, float(wrong), said, pack=pack.model_dump_json()))
    return _share("silence_taken_share", taken, len(silent), "digital silence is no signal", instances)


def snr_error_db(shelf: Shelf) -> Score:
    """Compare the stored SNR of made calls with what they were made with."""
    known = [(one, truth) for one, truth in zip(shelf.of_made[1:], _SNRS_DB, strict=False) if truth >= 10]
    lost = [truth for one, truth in known if one.quality.snr_db is None]
    if lost:
        return Score(case="snr_error_db", value=None, n=0, reason=f"no SNR was measured of a call of {lost[0]:g} dB")
    errors = [(one, (one.quality.snr_db or 0) - truth, truth) for one, truth in known]
    instances = [
        _instance(one, abs(error), f"measured {truth + error:.1f} dB of {truth:g} dB") for one, error, truth in errors
    ]
    return Score(
        case="snr_error_db",
        value=max(abs(error) for _, error, _ in errors),
        n=len(errors),
        reason="sweeps from 3 to 5 kHz in white noise, levels in the call's band",
        instances=_worst(instances, highest=True),
    )


def clipping_error(shelf: Shelf) -> Score:
    """Compare the stored share of clipped samples with the truth: a tenth in one window, none in the others."""
    truth = [0.0] * (len(_SNRS_DB) + 1) + [_CLIPPED_SHARE, 0.0]
    pairs = list(zip(shelf.of_made, truth, strict=True))
    errors = [abs(one.quality.clipped_fraction - share) for one, share in pairs]
    instances = [
        _instance(one, error, f"{one.quality.clipped_fraction:.3f} clipped, {share:g} in truth")
        for (one, share), error in zip(pairs, errors, strict=True)
    ]
    return Score(
        case="clipping_error",
        value=max(errors),
        n=len(errors),
        reason="of windows whose clipping is known",
        instances=_worst(instances, highest=True),
    )


def depth_growth(shelf: Shelf) -> Score:
    """Compare how deep packs of clear and of faint calls are searched: what they say of made sound, and what they hold.

    What is held is counted in packs of made vectors, where nothing weighs too little; the smaller growth counts.
    """
    clear, faint = shelf.of_made[1], shelf.of_made[len(_SNRS_DB)]
    packs = [evidence(shelf.workspace, one.segment.id) for one in (clear, faint)]
    depths = [pack.depth.k if pack.depth is not None else 0 for pack in packs]
    held = counted_growth(shelf.witnesses)
    instances = [
        _instance(one, float(k), f"k = {k}", pack=pack.model_dump_json())
        for one, k, pack in zip((faint, clear), depths[::-1], packs[::-1], strict=True)
    ]
    said = f"k = {depths[0]} at {_SNRS_DB[0]:g} dB, {depths[1]} at {_SNRS_DB[-1]:g} dB"
    return Score(
        case="depth_growth",
        value=float(min(depths[1] - depths[0], held[1] - held[0])),
        n=4,
        reason=f"{said}; packs of a clear and a faint made query hold {held[0]} and {held[1]} neighbours",
        instances=tuple(instances),
    )


def neighbour_count_error(shelf: Shelf) -> Score:
    """Compare how many neighbours packs hold with how many are due."""
    return count_error(shelf.witnesses)


def per_recording_error(shelf: Shelf) -> Score:
    """Compare how many neighbours a recording gives that has more and nearer calls than all others."""
    return recording_error(shelf.witnesses)


def pack_filter_error(shelf: Shelf) -> Score:
    """Count the neighbours that packs under a filter should not hold, and those that they lack."""
    return filtered_packs_error(shelf.witnesses)


CASES: tuple[Callable[[Shelf], Score], ...] = (
    golden_error,
    stored_vector_error,
    neighbour_recall,
    filter_error_share,
    own_bout_share,
    silence_taken_share,
    snr_error_db,
    clipping_error,
    depth_growth,
    neighbour_count_error,
    per_recording_error,
    pack_filter_error,
)


def _agreement(shelf: Shelf, at: int, where: SegmentFilter, mask: npt.NDArray[np.bool_]) -> float:
    """Return the share of the ten nearest that a search finds; those as near as the tenth will do."""
    cosines = shelf.vectors @ shelf.vectors[at]
    others = mask.copy()
    others[at] = False
    own = shelf.stored[at].segment.id
    hits = shelf.workspace.store(shelf.embedder.card).search(shelf.vectors[at], _K, where, exclude_ids=[own])
    due = min(_K, int(others.sum()))
    if len(hits) != due:
        return 0.0
    if due == 0:
        return 1.0
    least = np.sort(cosines[others])[-due] - 1e-4
    number = {one.segment.id: i for i, one in enumerate(shelf.stored)}
    places = [number[hit.segment_id] for hit in hits]
    return float(np.mean([others[place] and cosines[place] >= least for place in places]))


def _some(recordings: Sequence[Recording], embedder: Embedder) -> list[Path]:
    """Return files of at most ten minutes in all, the shortest first, that the model can hear."""
    fitting = sorted(
        (one for one in recordings if one.sample_rate_hz >= embedder.card.min_source_rate_hz),
        key=lambda one: (one.duration_ms, one.id),
    )
    lengths = accumulate(one.duration_ms for one in fitting)
    return [Path(one.path) for one, length in zip(fitting, lengths, strict=True) if length <= _MAX_MS]


def _cut(one: StoredSegment, embedder: Embedder) -> npt.NDArray[np.float32]:
    segment = one.segment
    clip = read_clip(one.recording, channel=segment.channel, t0_ms=segment.t0_ms, t1_ms=segment.t1_ms)
    return model_samples(clip, embedder)


def _call(n: int, amplitude: float) -> npt.NDArray[np.float32]:
    """Return sweeps over the band, half of every second, float32 [n]."""
    t_s = np.arange(n) / RATE_HZ
    low, high = _BAND_HZ
    within = t_s % 1.0
    sweep = np.sin(2 * np.pi * (low * within + (high - low) * within**2))  # reaches `high` after half a second
    return np.where(within < 0.5, amplitude * sweep, 0).astype(np.float32)


def _amplitude(snr_db: float) -> float:
    """Return the amplitude at which a call's power stands so far above the noise in its band."""
    low, high = _BAND_HZ
    noise = _NOISE**2 * (high - low) / (RATE_HZ / 2)
    return float(np.sqrt(2 * noise * 10 ** (snr_db / 10)))


def _scored(
    case: str,
    chosen: Sequence[StoredSegment],
    values: npt.NDArray[np.floating],
    value: float,
    *,
    words: str,
    bounds: Bounds = UNKNOWN,
    highest: bool = True,
) -> Score:
    instances = [_instance(one, float(own), words) for one, own in zip(chosen, values, strict=True)]
    return Score(
        case=case,
        value=value,
        n=len(chosen),
        reason="real sound, worst first",
        low=bounds.low,
        high=bounds.high,
        instances=_worst(instances, highest=highest),
    )


def _instance(one: StoredSegment, value: float, words: str, *, pack: str | None = None) -> Instance:
    segment = one.segment
    return Instance(
        name=f"{Path(one.recording.path).name} {segment.t0_ms / 1000:.3f} s",
        value=value,
        recording=one.recording.path,
        t0_ms=segment.t0_ms,
        t1_ms=segment.t1_ms,
        words=words,
        pack=pack,
    )


def _worst(instances: Sequence[Instance], *, highest: bool) -> tuple[Instance, ...]:
    return tuple(sorted(instances, key=lambda one: one.value or 0, reverse=highest))


def _share(case: str, n_wrong: int, n: int, reason: str, instances: Sequence[Instance]) -> Score:
    low, high = of_share(n_wrong, n)
    worst = _worst(instances, highest=True)
    return Score(case=case, value=n_wrong / n, n=n, reason=reason, low=low, high=high, instances=worst)


def _none(case: str) -> Score:
    return Score(case=case, value=None, n=0, reason="no real sound with a measured SNR; name recordings with --data")
