"""Calibrating: learn from labels what raw scores and similarities are worth, keep it, and say what is known.

A segment that a label gives to a taxon answers for every taxon that has a score on it: right for the one that is
named, wrong for the others. A taxon that a person rejected is wrong there, and a segment of which nothing else was said
answers for no other. A segment without a label answers nothing. A model's labels teach nothing; imported ones do when
they are asked for, for their making is not known.

Each run is kept as a new version with every taxon in it, so that what an Evidence Pack names can be found again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from rab.domain import (
    EmbedderCard,
    EvidencePack,
    LabelSource,
    SegmentFilter,
    StoredSegment,
    names_in_force,
    rejected_taxa,
)
from rab.domain.calibration import Calibrations, LabelsUsed, NearThreshold, SpeciesCalibration
from rab.errors import InputError, NotFound, StorageFailed
from rab.evidence.summary_pack import CalibratedThreshold
from rab.generation import DEFAULT_POLICY, GroundingPolicy
from rab.logs import canonical_line
from rab.retrieval.calibration import (
    Answers,
    CalibrationPolicy,
    Terms,
    calibrate,
    near_thresholds,
    nearest_calls,
)
from rab.workflows.recordists import recordists
from rab.workflows.workspace import Workspace

KIND, NAME = "calibration", "scores"
_SOURCES: Mapping[LabelsUsed, frozenset[LabelSource]] = {
    "human": frozenset({"human"}),
    "imported": frozenset({"imported"}),
    "all": frozenset({"human", "imported"}),
}
_N_AT_ONCE = 500
_MAX_CALLS = 5_000
"""Labelled calls that nearness is learned from: all against all takes the square of them."""


def learn_calibrations(
    workspace: Workspace,
    *,
    model: str,
    labels: LabelsUsed = "human",
    sites: bool = False,
    policy: CalibrationPolicy = CalibrationPolicy(),
) -> Calibrations:
    """Calibrate the scores of a model by the labels of the library, keep that as a new version, and use it.

    With `sites`, every site with labels enough gets calibrations of its own, which go before those of all sites.
    Raises `NotFound` when the model never filled the library, `InputError` where nothing is labelled.
    """
    card = workspace.card(model)
    with canonical_line("calibrate", model=model, labels=labels) as line:
        known = _Known.of(workspace, card, labels)
        if not known.segments:
            raise InputError(
                f"no segment of {model} bears a label of the kind asked for ({labels})",
                hint="label segments with `rab label`, or use imported labels with --labels imported",
            )
        learned_on = datetime.now(UTC).date()
        found = _species(known, Terms(card.key, labels, learned_on), policy)
        for site in sorted({one.site for one in known.segments if one.site}) if sites else ():
            own = known.at(site)
            found += [one for one in _species(own, Terms(card.key, labels, learned_on, site), policy) if one.method]
        near = _near(known, policy)
        calibrations = Calibrations(
            model=card.key,
            space=card.space,
            labels=labels,
            learned_on=learned_on,
            least_raw_score=policy.least_raw_score,
            n_labelled=len(known.segments),
            n_recordings=len({one.source for one in known.segments}),
            species=tuple(sorted(found, key=lambda one: (one.taxon, one.site or ""))),
            near=near,
            near_miscoverage=policy.near_miscoverage if near else None,
        )
        kept = _kept(workspace, card, calibrations)
        line.update(version=kept.version, n_labelled=kept.n_labelled, n_usable=len(kept.usable()))
    return kept


def calibrations_of(workspace: Workspace, card: EmbedderCard, version: int | None = None) -> Calibrations | None:
    """Return a version of what was learned of a space, the newest without a number; None where there is none."""
    kept = workspace.catalog.learned(KIND, NAME, card.space, version)
    if kept is None:
        return None
    try:
        found = Calibrations.model_validate_json(kept.document)
    except ValidationError as error:
        raise StorageFailed(
            f"calibration {kept.version} of {card.key} cannot be read", hint="run `rab calibrate` again"
        ) from error
    species = tuple(one.model_copy(update={"version": kept.version}) for one in found.species)
    return found.model_copy(update={"version": kept.version, "species": species})


def calibrations_in_use(workspace: Workspace, card: EmbedderCard) -> Calibrations | None:
    """Return what turns raw scores of a space into probabilities; None until it was learned, or when it is off."""
    found = calibrations_of(workspace, card)
    return found if found is not None and found.in_use else None


def summary_thresholds(workspace: Workspace, card: EmbedderCard) -> dict[str, CalibratedThreshold]:
    """Return by scientific name the raw score from which a summary calls detections right as often as was asked for.

    Of several precisions the first that was asked for counts. Nothing where none was learned, or when it is off.
    """
    learned = calibrations_in_use(workspace, card)
    if learned is None:
        return {}
    version = f"{card.key} v{learned.version} of {learned.learned_on}"
    return {
        taxon: CalibratedThreshold(
            raw_score=one.thresholds[0].raw_score, precision=one.thresholds[0].precision, version=version
        )
        for taxon, one in learned.by_taxon().items()
        if one.thresholds
    }


def grounding_policy(workspace: Workspace, pack: EvidencePack) -> GroundingPolicy:
    """Return the thresholds for a pack's text: nearness as the library has learned it for such an SNR, if it has."""
    card = next((one for one in workspace.catalog.cards() if one.space == pack.library.space), None)
    learned = None if card is None or pack.query is None else calibrations_in_use(workspace, card)
    if learned is None or pack.query is None:
        return DEFAULT_POLICY
    near_similarity = learned.near_similarity(pack.query.quality.snr_db)
    if near_similarity is None:
        return DEFAULT_POLICY
    return DEFAULT_POLICY.model_copy(update={"near_similarity": near_similarity, "near_calibration": learned.version})


def last_calibrations(workspace: Workspace, *, model: str) -> Calibrations:
    """Return what was learned last. Raises `NotFound` where nothing was."""
    found = calibrations_of(workspace, workspace.card(model))
    if found is None:
        raise NotFound(f"nothing is calibrated for {model}", hint="run `rab calibrate` after labelling segments")
    return found


def calibration_of_taxon(workspace: Workspace, taxon: str, *, model: str) -> tuple[SpeciesCalibration, ...]:
    """Return what was learned last of a taxon: of all sites, then of single ones. Raises `NotFound`."""
    asked = taxon.strip().casefold()
    calibrations = last_calibrations(workspace, model=model)
    common = dict(workspace.catalog.common_names())
    scientific = {name.casefold(): known for name, known in common.items()}.get(asked, asked).casefold()
    found = tuple(one for one in calibrations.species if one.taxon.casefold() == scientific)
    if not found:
        raise NotFound(
            f"no label of {taxon} took part in calibration {calibrations.version} of {model}",
            hint="`rab calibrate --list` shows the taxa that did",
        )
    return found


def switch_calibrations_off(workspace: Workspace, *, model: str) -> Calibrations:
    """Use no calibration any more; what was learned stays kept. Return what was in use. Raises `NotFound`."""
    card = workspace.card(model)
    before = last_calibrations(workspace, model=model)
    if before.in_use:
        _kept(workspace, card, before.model_copy(update={"in_use": False}))
    return before


def _kept(workspace: Workspace, card: EmbedderCard, calibrations: Calibrations) -> Calibrations:
    kept = workspace.catalog.keep_learned(KIND, NAME, card.space, calibrations.model_dump_json())
    species = tuple(one.model_copy(update={"version": kept.version}) for one in calibrations.species)
    return calibrations.model_copy(update={"version": kept.version, "species": species})


@dataclass(frozen=True, eq=False)
class _Call:
    """A labelled segment: what is said of it, what the model scored, where its sound comes from."""

    segment_id: str
    taxa: frozenset[str]
    """What it holds; empty where people only said what it does not hold."""
    rejected: frozenset[str]
    scores: Mapping[str, float]
    """Scientific name → raw score, of taxa that the place does not rule out."""
    source: str
    """Its recording, or another that holds the same sound."""
    site: str | None
    snr_db: float | None


@dataclass(frozen=True, eq=False)
class _Known:
    """The labelled segments of a space, with their vectors."""

    segments: Sequence[_Call]
    vectors: Mapping[str, npt.NDArray[np.float32]]

    @classmethod
    def of(cls, workspace: Workspace, card: EmbedderCard, labels: LabelsUsed) -> "_Known":
        """Read what is labelled by those who are to be believed."""
        labelled = sorted(
            {
                segment_id
                for segment_id, label in workspace.catalog.labels(card.space, SegmentFilter())
                if label.kind in ("taxon", "rejection") and label.source in _SOURCES[labels]
            }
        )
        store = workspace.store(card)
        stored: dict[str, StoredSegment] = {}
        vectors: dict[str, npt.NDArray[np.float32]] = {}
        for start in range(0, len(labelled), _N_AT_ONCE):
            some = labelled[start : start + _N_AT_ONCE]
            stored |= workspace.catalog.segments(some)
            vectors |= store.vectors(some)
        source = _sources(stored.values(), vectors)
        return cls([_call(one, labels, source) for one in stored.values()], vectors)

    def at(self, site: str) -> "_Known":
        return _Known([one for one in self.segments if one.site == site], self.vectors)


def _call(stored: StoredSegment, labels: LabelsUsed, source: Mapping[str, str]) -> _Call:
    standing = [one for one in names_in_force(stored.labels) if one.source in _SOURCES[labels]]
    return _Call(
        segment_id=stored.segment.id,
        taxa=frozenset(one.taxon for one in standing),
        rejected=frozenset(rejected_taxa(stored.labels)),
        scores={one.taxon.scientific_name: one.raw_score for one in stored.scores if one.in_range is not False},
        source=source[stored.recording.id],
        site=stored.recording.site,
        snr_db=stored.quality.snr_db,
    )


def _sources(stored: Iterable[StoredSegment], vectors: Mapping[str, npt.NDArray[np.float32]]) -> dict[str, str]:
    """Return for each recording the first that shares a sound or a recordist with it: it is no second witness."""
    first: dict[bytes, str] = {}
    source: dict[str, str] = {}

    def root(recording: str) -> str:
        while source.setdefault(recording, recording) != recording:
            recording = source[recording]
        return recording

    stored = sorted(stored, key=lambda one: one.segment.id)
    recordist_of = recordists((one.recording.id, label) for one in stored for label in one.labels)
    for recording, recordist in recordist_of.items():
        source[root(recording)] = root(first.setdefault(recordist.encode(), recording))
    for one in stored:
        own = root(one.recording.id)
        vector = vectors.get(one.segment.id)
        if vector is not None:
            source[own] = root(first.setdefault(vector.tobytes(), own))
    return {recording: root(recording) for recording in list(source)}


def _species(known: _Known, terms: Terms, policy: CalibrationPolicy) -> list[SpeciesCalibration]:
    """Calibrate every taxon that is labelled and scored."""
    names = tuple(sorted({name for one in known.segments for name in one.scores}))
    number = {name: at for at, name in enumerate(names)}
    group = {source: at for at, source in enumerate(sorted({one.source for one in known.segments}))}
    rows = [
        (raw_score, name in one.taxa, group[one.source], number[name])
        for one in known.segments
        for name, raw_score in one.scores.items()
        if raw_score >= policy.least_raw_score and (one.taxa or name in one.rejected)
    ]
    if not rows:
        return []
    told = {name for one in known.segments for name in one.taxa | one.rejected}
    missed = [0] * len(names)
    for one in known.segments:
        for name in one.taxa & number.keys():
            missed[number[name]] += one.scores.get(name, 0.0) < policy.least_raw_score
    raw_scores, right, groups, taxa = zip(*rows, strict=True)
    answers = Answers(
        raw_scores=np.array(raw_scores, dtype=np.float64),
        right=np.array(right, dtype=np.bool_),
        groups=np.array(groups, dtype=np.intp),
        taxa=np.array(taxa, dtype=np.intp),
        names=names,
        told=np.array([name in told for name in names]),
    )
    return calibrate(answers, terms, policy, n_missed=missed)


def _near(known: _Known, policy: CalibrationPolicy) -> tuple[NearThreshold, ...]:
    """Learn from which cosine calls are near, from the calls that bear one name."""
    calls = [one for one in known.segments if len(one.taxa) == 1 and one.segment_id in known.vectors]
    if len(calls) > _MAX_CALLS:
        chosen = np.random.default_rng(policy.seed).permutation(len(calls))[:_MAX_CALLS]
        calls = [calls[at] for at in np.sort(chosen).tolist()]
    if not calls:
        return ()
    taxa = np.unique([next(iter(one.taxa)) for one in calls], return_inverse=True)[1].astype(np.intp)
    groups = np.unique([one.source for one in calls], return_inverse=True)[1].astype(np.intp)
    snr_db = np.array([np.nan if one.snr_db is None else one.snr_db for one in calls], dtype=np.float64)
    found = nearest_calls(np.stack([known.vectors[one.segment_id] for one in calls]), taxa, groups, snr_db)
    return near_thresholds(
        found,
        policy.near_edges_db,
        miscoverage=policy.near_miscoverage,
        least_recordings=policy.near_recordings,
        seed=policy.seed,
    )
