"""The routes about what a library's calls make up: clusters, sequences, novelty, drift, collections, probes."""

from typing import Annotated, Literal

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from rab.domain import Cluster, NameCount, Value
from rab.domain.probe import Probe
from rab.domain.sequence import EntropyRate, MotifReport, TransitionTable
from rab.http.context import Context, OpenLibrary
from rab.http.problems import PROBLEMS
from rab.http.routes import Answer, Limit, Model, Where
from rab.retrieval.drift import RecorderDrift
from rab.retrieval.novelty import NovelCall
from rab.retrieval.sequences import Sequences
from rab.workflows import sequences as steps
from rab.workflows.call_library import CollectionFacts, list_collections
from rab.workflows.drift import recorder_drift
from rab.workflows.novelty import alerts as find_alerts
from rab.workflows.novelty import novel_calls
from rab.workflows.probing import ProbeAnswer, apply_probe, card_of, find_probe, list_probes

By = Annotated[
    Literal["cluster", "taxon", "label"],
    QueryParameter(description="What a segment counts as: its cluster, best detected taxon or newest label."),
]
Per = Annotated[Literal["site", "habitat"] | None, QueryParameter(description="Each of these by itself.")]


class ClusterPage(Value):
    """The clusters of the current clustering."""

    method: str | None
    n_segments: int
    n_unassigned: int
    items: tuple[Cluster, ...]


class ClusterFacts(Value):
    """A cluster, with what its members are called."""

    cluster: Cluster
    names: tuple[NameCount, ...]
    segment_ids: tuple[str, ...]


class NovelPage(Answer):
    """The calls least like the rest of the library."""

    items: tuple[NovelCall, ...]


class TransitionPage(Answer):
    """Which sound follows which: a table for each group, or one for all."""

    items: tuple[TransitionTable, ...]


class MotifPage(Answer):
    """Sequences that come again and again: a report for each group, or one for all."""

    items: tuple[MotifReport, ...]


class EntropyPage(Answer):
    """How hard the next sound is to foretell."""

    items: tuple[EntropyRate, ...]


class DriftPage(Answer):
    """What became of each recorder."""

    items: tuple[RecorderDrift, ...]


class CollectionPage(Value):
    """The labelled collections of the library."""

    items: tuple[CollectionFacts, ...]


class ProbePage(Value):
    """The probes that were taught in this library."""

    items: tuple[Probe, ...]


class ProbeScorePage(Answer):
    """What a probe makes of segments."""

    items: tuple[ProbeAnswer, ...]


@get("/v1/clusters", sync_to_thread=True, responses=PROBLEMS, tags=["structure"])
def clusters(context: Context, model: Model = None) -> ClusterPage:
    """List the clusters."""
    catalog = context.workspace.catalog
    found = catalog.clustering(context.workspace.card(model or context.model).space)
    if found is None:
        return ClusterPage(method=None, n_segments=0, n_unassigned=0, items=())
    return ClusterPage(
        method=found.method, n_segments=found.n_segments, n_unassigned=found.n_unassigned, items=found.clusters
    )


@get("/v1/clusters/{cluster_id:str}", sync_to_thread=True, responses=PROBLEMS, tags=["structure"])
def cluster(context: Context, cluster_id: FromPath[str]) -> ClusterFacts:
    """Return a cluster with its members and what they are called."""
    catalog = context.workspace.catalog
    return ClusterFacts(
        cluster=catalog.cluster(cluster_id),
        names=tuple(catalog.cluster_names(cluster_id)),
        segment_ids=tuple(catalog.cluster_members(cluster_id)),
    )


@get("/v1/novelty", sync_to_thread=True, responses=PROBLEMS, tags=["structure"])
def novelty(
    context: Context, where: Where = "", model: Model = None, limit: Limit = 20, alerts: FromQuery[bool] = False
) -> NovelPage:
    """List the most novel calls, or only those that call for attention."""
    find = find_alerts if alerts else novel_calls
    with context.filtered(where, model) as (asked, notes):
        found = find(context.workspace, model=model or context.model, where=asked, limit=limit)
    return NovelPage(notes=notes, items=tuple(found))


@get("/v1/sequences/transitions", sync_to_thread=True, responses=PROBLEMS, tags=["structure"])
def transitions(
    context: Context, where: Where = "", model: Model = None, by: By = "cluster", per: Per = None
) -> TransitionPage:
    """Say which sound follows which, and whether chance would do the same."""
    key = model or context.model
    found, notes = _sequences(context, key, where, by, per)
    return TransitionPage(
        notes=notes, items=tuple(steps.transitions_of(found, steps.policy_for(context.workspace, key)))
    )


@get("/v1/sequences/motifs", sync_to_thread=True, responses=PROBLEMS, tags=["structure"])
def motifs(context: Context, where: Where = "", model: Model = None, by: By = "cluster", per: Per = None) -> MotifPage:
    """List sequences that come more often than in shuffles of the same recordings."""
    key = model or context.model
    found, notes = _sequences(context, key, where, by, per)
    return MotifPage(notes=notes, items=tuple(steps.motifs_of(found, steps.policy_for(context.workspace, key))))


@get("/v1/sequences/entropy", sync_to_thread=True, responses=PROBLEMS, tags=["structure"])
def entropy(
    context: Context, where: Where = "", model: Model = None, by: By = "cluster", per: Per = None
) -> EntropyPage:
    """Say how hard the next sound is to foretell, in bits, with an interval or as an upper bound."""
    key = model or context.model
    found, notes = _sequences(context, key, where, by, per)
    return EntropyPage(notes=notes, items=tuple(steps.entropies_of(found, steps.policy_for(context.workspace, key))))


@get("/v1/drift", sync_to_thread=True, responses=PROBLEMS, tags=["structure"])
def drift(context: Context, where: Where = "", model: Model = None) -> DriftPage:
    """Say recorder by recorder what changed, and when."""
    with context.filtered(where, model) as (asked, notes):
        found = recorder_drift(context.workspace, model=model or context.model, where=asked)
    return DriftPage(notes=notes, items=tuple(found))


@get("/v1/collections", sync_to_thread=True, responses=PROBLEMS, tags=["library"])
def collections(context: Context) -> CollectionPage:
    """List the labelled collections, with their labels and licences."""
    return CollectionPage(items=tuple(list_collections(context.workspace)))


@get("/v1/probes", sync_to_thread=True, responses=PROBLEMS, tags=["structure"])
def probes(context: Context) -> ProbePage:
    """List the probes, with how they did on what they had not heard."""
    return ProbePage(items=tuple(list_probes(context.workspace)))


@get("/v1/probes/{name:str}/scores", sync_to_thread=True, responses=PROBLEMS, tags=["structure"])
def probe_answers(
    context: Context, name: FromPath[str], where: Where = "", model: Model = None, limit: Limit = 50
) -> ProbeScorePage:
    """Say what a probe makes of segments."""
    probe = find_probe(context.workspace, name, model=model)
    with context.filtered(where, card_of(context.workspace, probe).key) as (asked, notes):
        answers = tuple(apply_probe(context.workspace, probe, where=asked, limit=limit))
    return ProbeScorePage(notes=notes, items=answers)


def _sequences(context: OpenLibrary, key: str, where: str, by: By, per: Per) -> tuple[Sequences, tuple[str, ...]]:
    with context.filtered(where, key) as (asked, notes):
        return steps.read_sequences(context.workspace, model=key, where=asked, by=by, group_by=per), notes


STRUCTURE_ROUTES = (
    clusters,
    cluster,
    novelty,
    transitions,
    motifs,
    entropy,
    drift,
    collections,
    probes,
    probe_answers,
)
