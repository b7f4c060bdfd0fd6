"""`rab cluster`, `rab clusters`, `rab novelty`: what sounds alike, its names, and what sounds like nothing."""

import sys
from typing import TYPE_CHECKING

import rich_click as click

from rab.cli.session import filter_of, json_option, library, model_option, print_json, where_option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rab.domain import Cluster, Clustering
    from rab.retrieval.novelty import NovelCall
    from rab.workflows.workspace import Workspace

author_option = click.option("--by", "author", required=True, metavar="NAME", help="Who says so.")


@click.command()
@model_option
@json_option
@click.pass_context
def cluster(ctx: click.Context, model: str | None, as_json: bool) -> None:
    """Group the library's calls by how they sound.

    A cluster is found, not named: it says that calls belong together, never what they are. One that is found again
    keeps its id, its name and what was merged into it; what changed is told. Novelty is measured with it.
    """
    from rab.workflows.clustering import cluster_library

    def watch(stage: str) -> None:
        if not as_json and sys.stderr.isatty():
            click.echo(f"{stage} …", err=True)

    with library(ctx) as (settings, workspace):
        clustering = cluster_library(workspace, model=model or settings.model, watch=watch)
        words = _words(workspace, clustering.clusters)
    if as_json:
        print_json(clustering)
        return
    _show(clustering, words)
    for change in clustering.changes:
        click.echo(change.words)


@click.group()
def clusters() -> None:
    """List clusters, name them, and say which are one."""


@clusters.command("list")
@model_option
@json_option
@click.pass_context
def list_clusters(ctx: click.Context, model: str | None, as_json: bool) -> None:
    """List the clusters of the current clustering."""
    from rab.errors import NotFound

    with library(ctx) as (settings, workspace):
        clustering = workspace.catalog.clustering(workspace.card(model or settings.model).space)
        if clustering is None:
            raise NotFound("this library was not clustered yet", hint="run `rab cluster`")
        words = _words(workspace, clustering.clusters)
    print_json(clustering) if as_json else _show(clustering, words)


@clusters.command("show")
@click.argument("cluster_id", metavar="CLUSTER")
@json_option
@click.pass_context
def show_cluster(ctx: click.Context, cluster_id: str, as_json: bool) -> None:
    """Show a cluster: its prototypes, and what its members are called."""
    from rab.evidence.calls import call_name, call_ref
    from rab.evidence.printing import both_names, call_words, name_words

    with library(ctx) as (_, workspace):
        one = workspace.catalog.cluster(cluster_id)
        names = workspace.catalog.cluster_names(cluster_id)
        stored = workspace.catalog.segments([one.medoid_id, *one.exemplar_ids])
        words = _words(workspace, [one])
        prototypes = [stored[segment] for segment in (one.medoid_id, *one.exemplar_ids)]
        thresholds = {card.key: card.score_threshold for card in workspace.catalog.cards()}
    if as_json:
        print_json(one.model_dump(mode="json") | {"names": [name.model_dump(mode="json") for name in names]})
        return
    click.echo(words[0])
    for name in names:
        click.echo(f"  {name.n_members:5}  {both_names(name.common_name, name.scientific_name)}")
    for place, call in enumerate(prototypes):
        said = name_words(call_name(call, thresholds[call.segment.embedder]))
        click.echo(
            f"{'exemplar' if place else 'medoid'}  {call.segment.id[:12]}  {said}\n  {call_words(call_ref(call))}"
        )


@clusters.command("name")
@click.argument("cluster_id", metavar="CLUSTER")
@click.argument("name")
@author_option
@click.pass_context
def name(ctx: click.Context, cluster_id: str, name: str, author: str) -> None:
    """Say what to call a cluster, in free words; it keeps the name when the library is clustered again.

    An empty NAME takes the name away.
    """
    from rab.workflows.clustering import name_cluster

    with library(ctx) as (_, workspace):
        named = name_cluster(workspace, cluster_id, name, author=author)
    click.echo(f"{named.id}: {named.name or 'no name'}, by {author}")


@clusters.command("merge")
@click.argument("cluster_ids", metavar="CLUSTER…", nargs=-1, required=True)
@author_option
@json_option
@click.pass_context
def merge(ctx: click.Context, cluster_ids: tuple[str, ...], author: str, as_json: bool) -> None:
    """Make clusters one; the first keeps its id. They stay one when the library is clustered again."""
    from rab.workflows.clustering import merge_clusters

    with library(ctx) as (_, workspace):
        merged = merge_clusters(workspace, cluster_ids, author=author)
        words = _words(workspace, [merged])
    print_json(merged) if as_json else click.echo(words[0])


@clusters.command("split")
@click.argument("cluster_id", metavar="CLUSTER")
@author_option
@json_option
@click.pass_context
def split(ctx: click.Context, cluster_id: str, author: str, as_json: bool) -> None:
    """Take apart again what was made one."""
    from rab.workflows.clustering import split_cluster

    with library(ctx) as (_, workspace):
        parts = split_cluster(workspace, cluster_id, author=author)
        words = _words(workspace, parts)
    if as_json:
        print_json([part.model_dump(mode="json") for part in parts])
        return
    for line in words:
        click.echo(line)


@click.command()
@model_option
@where_option
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Rows.")
@click.option("--alerts", "only_alerts", is_flag=True, help="Show sounds of people and machines, and unknowns.")
@json_option
@click.pass_context
def novelty(ctx: click.Context, model: str | None, where: str, limit: int, only_alerts: bool, as_json: bool) -> None:
    """List the calls least like the rest of the library, with what they resemble most.

    Novelty 0.99 says that a call lies farther from all other recordings than 99 % of the library's calls do. It is
    measured by `rab cluster`, and for calls that are ingested later against what was there then.
    """
    from rab.workflows.novelty import alerts, novel_calls

    ask = alerts if only_alerts else novel_calls
    with library(ctx) as (settings, workspace):
        found = ask(
            workspace,
            model=model or settings.model,
            where=filter_of(workspace, where, model or settings.model),
            limit=limit,
        )
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    for one in found:
        click.echo(_novel_words(one))
    click.echo("1 call" if len(found) == 1 else f"{len(found)} calls")


def _show(clustering: "Clustering", words: list[str]) -> None:
    for line in words:
        click.echo(line)
    click.echo(f"{clustering.n_segments} segments, {clustering.n_unassigned} unassigned; {clustering.method}")


def _words(workspace: "Workspace", found: "Iterable[Cluster]") -> list[str]:
    """Return a line on each cluster: its size and medoid, what a person calls it, and what its members are called."""
    lines = []
    for one in found:
        names = workspace.catalog.cluster_names(one.id)
        called = ", ".join(f"{name.common_name} {name.n_members}" for name in names[:3]) or "no names"
        own = f"“{one.name}”  " if one.name else ""
        merged = f"  (with {', '.join(one.merged_ids)})" if one.merged_ids else ""
        calls = f"{one.n_members:5} calls" if one.n_members != 1 else "    1 call"
        lines.append(f"{one.id:<10} {calls}  medoid {one.medoid_id[:12]}  {own}{called}{merged}")
    return lines


def _novel_words(one: "NovelCall") -> str:
    from rab.evidence.calls import call_ref
    from rab.evidence.printing import call_words

    alert = f"  ALERT {one.alert}" if one.alert else ""
    best = one.best_score
    named = f"{best.taxon.common_name}, raw score {best.raw_score:.2f}" if best else "no class scored"
    novelty = "  -  " if one.novelty.novelty is None else f"{one.novelty.novelty:.3f}"
    lines = [f"{one.stored.segment.id[:12]}  {novelty}  {named}{alert}", f"  {call_words(call_ref(one.stored))}"]
    if one.nearest is not None:
        near = one.nearest.stored
        lines.append(f"  nearest elsewhere: {one.nearest.similarity:.3f}  {call_words(call_ref(near))}")
    if one.reasons:
        lines.append(f"  noticed: {'; '.join(one.reasons)}")
    return "\n".join(lines)
