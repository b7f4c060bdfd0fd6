"""`rab demo`: the whole way, from nothing to a cited report on real recordings."""

from pathlib import Path

import rich_click as click

from rab.cli.ingest import SOME_FAILED, report_lines
from rab.cli.models import install_model
from rab.cli.samples import samples_line
from rab.cli.session import library, settings_of


@click.command()
@click.option("--serve", is_flag=True, help="Then answer over HTTP until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the service (RAB_HTTP__PORT; 8420).")
@click.pass_context
def demo(ctx: click.Context, serve: bool, port: int | None) -> None:
    """Set up models and samples, ingest them, and write a cited report.

    Running the demo accepts the licence of BirdNET's weights, which is for non-commercial use. What is already there is
    used again: a second run ends in seconds.
    """
    from rab.audio import read_deployments
    from rab.cli.progress import progress_bar
    from rab.cli.serve import run_service
    from rab.generation import text_of
    from rab.samples import fetch_samples
    from rab.workflows.clustering import cluster_library
    from rab.workflows.ingest import ingest
    from rab.workflows.reporting import write_summary_report

    settings = settings_of(ctx)
    click.echo("1. Model (running the demo accepts its licence)")
    install_model(settings, settings.model, accepted=True)
    click.echo("2. Sample recordings")
    samples = fetch_samples(settings.home / "samples")
    click.echo(samples_line(samples))
    with library(ctx) as (_, workspace):
        click.echo("3. Ingest")
        with progress_bar(shown=True) as bar:
            batch = ingest(
                workspace,
                [Path(recording) for recording in samples.recordings],
                models=(settings.model,),
                n_threads=settings.n_threads,
                deployments=read_deployments(Path(samples.deployments)),
                watch=bar.watch,
            )
        click.echo("\n".join(report_lines(batch)))
        if batch.n_segments or not workspace.catalog.clustering(workspace.card(settings.model).space):
            clustering = cluster_library(workspace, model=settings.model)
            click.echo(f"{len(clustering.clusters)} clusters, {clustering.n_unassigned} calls unassigned")
        click.echo("4. Summary\n")
        written = write_summary_report(workspace, model=settings.model)
        click.echo(text_of(written.report.passages[0].text))
        click.echo(f"report: {written.files.html.resolve()}")
        if serve:
            run_service(workspace, settings, port=port)
    if batch.failures:
        ctx.exit(SOME_FAILED)
