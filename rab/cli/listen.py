"""`rab eval listen`: a sheet to judge retrieval by ear, and what the verdicts say."""

from pathlib import Path

import rich_click as click

from rab.cli.session import heard_under, json_option, model_option, print_json, settings_of


@click.command()
@model_option
@click.option("--data", type=click.Path(path_type=Path), multiple=True, help="Labelled folders (the fetched samples).")
@click.option("--no-labels", is_flag=True, help="Take every recording of --data as it is, without a label.")
@click.option("--n", type=click.IntRange(1, 200), default=20, show_default=True, help="Queries.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the sheet (RAB_HOME/listening)."
)
@click.option("--in-order", is_flag=True, help="Show the nearest first, instead of an order dealt by chance.")
@click.option("--seed", type=int, default=0, show_default=True, help="Other queries, in another order.")
@click.option(
    "--score", "verdicts", type=click.Path(path_type=Path, dir_okay=False), help="Score a filled verdict file."
)
@click.option(
    "--key", type=click.Path(path_type=Path, dir_okay=False), help="Key of the sheet (key.csv beside the verdicts)."
)
@click.option("--cache", type=click.Path(path_type=Path), help="Folder that keeps embeddings for next time.")
@json_option
@click.pass_context
def listen(
    ctx: click.Context,
    model: str | None,
    data: tuple[Path, ...],
    no_labels: bool,
    n: int,
    out: Path | None,
    in_order: bool,
    seed: int,
    verdicts: Path | None,
    key: Path | None,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Write a page of queries with their ten nearest, to be judged by ear; with --score, say what was judged.

    The page needs no network. Verdicts go into verdicts.csv beside it (yes, no, unsure), by hand or from the page.
    Labels and ranks stand in key.csv, which is not to be read before. A scored file is kept as a run of the suite
    `listening`, with precision by ear and its agreement with labels.
    """
    settings = settings_of(ctx)
    if verdicts is not None:
        _score(verdicts, key, settings.home / "evals", as_json=as_json)
        return
    from rab.bootstrap import build_embedder
    from rab.evals.labelled import labelled_windows
    from rab.evals.listening import Sheet, files_to_hear, questions, write_sheet

    embedder = build_embedder(settings, model or settings.model)
    files = files_to_hear(heard_under(settings, data), labelled=bool(data) and not no_labels)
    windows = labelled_windows(files, embedder, cache=cache)
    asked = questions(windows, n=n, seed=seed)
    sheet = Sheet(windows, asked, embedder.card, not in_order, seed)
    page, file, hidden = write_sheet(sheet, out or settings.home / "listening")
    if as_json:
        print_json({"page": str(page), "verdicts": str(file), "key": str(hidden), "n_queries": len(asked)})
        return
    click.echo(f"{page}: {len(asked)} queries, {page.stat().st_size / 1e6:.0f} MB")
    click.echo(f"{file}: to fill in with yes, no or unsure")
    click.echo(f"{hidden}: labels and ranks for the scoring, not to be read before")
    click.echo(f"next: rab eval listen --score {file}")


def _score(verdicts: Path, key: Path | None, folder: Path, *, as_json: bool) -> None:
    from rab.evals.base import judge
    from rab.evals.kept import KeptRun, write_run
    from rab.evals.listening import SUITE, read_verdicts, score
    from rab.evals.page import figure, render_run
    from rab.evals.run import SEED

    run = score(read_verdicts(verdicts, key), seed=SEED)
    kept = KeptRun(suite=SUITE, run=run, verdicts=judge(run, SUITE, None))
    file = write_run(kept, folder)
    file.with_suffix(".html").write_text(render_run(kept), encoding="utf-8")
    if as_json:
        print_json(kept)
        return
    for one in run.scores:
        click.echo(f"  {one.case}: {figure(one)} ({one.reason})")
    for table in run.tables:
        click.echo(f"\n{table}")
    click.echo(f"kept: {file}", err=True)
