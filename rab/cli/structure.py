"""`rab map`: the library in two dimensions, as data."""

from pathlib import Path
from typing import Literal

import rich_click as click

from rab.cli.session import filter_of, json_option, library, model_option, print_json, where_option


@click.command(name="map")
@model_option
@where_option
@click.option("--out", type=click.Path(path_type=Path), help="File to write: map.json, map.csv or map.parquet.")
@click.option(
    "--method", type=click.Choice(["t-sne", "umap"]), default="t-sne", show_default=True, help="UMAP is an extra."
)
@click.option(
    "--landmarks",
    "n_landmarks",
    type=click.IntRange(10),
    default=3000,
    show_default=True,
    help="Segments that the method lays out; the others are placed between them.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed gives another map.")
@json_option
@click.pass_context
def structure(
    ctx: click.Context,
    model: str | None,
    where: str,
    out: Path | None,
    method: Literal["t-sne", "umap"],
    n_landmarks: int,
    seed: int,
    as_json: bool,
) -> None:
    """Lay the library out in two dimensions, as data.

    Trustworthiness falls where neighbours on the map are none by sound, continuity where such are parted.
    """
    from rab.retrieval.structure import MapPolicy
    from rab.workflows.structure import check_map_file, structure_map, write_map

    policy = MapPolicy(method=method, n_landmarks=n_landmarks, seed=seed)
    if out is not None:
        check_map_file(out)
    with library(ctx) as (settings, workspace):
        drawn = structure_map(
            workspace,
            model=model or settings.model,
            where=filter_of(workspace, where, model or settings.model),
            policy=policy,
        )
    if out is not None:
        write_map(drawn, out)
    if as_json:
        print_json(drawn)
        return
    click.echo(f"{drawn.n_segments} segments, {drawn.n_landmarks} landmarks; {drawn.method}")
    click.echo(
        f"trustworthiness {drawn.trustworthiness:.3f}, continuity {drawn.continuity:.3f}"
        f" (k = {drawn.n_neighbours}, {drawn.n_sampled} segments sampled)"
    )
    click.echo(f"written to {out}" if out is not None else "--out map.json, map.csv or map.parquet writes it")
