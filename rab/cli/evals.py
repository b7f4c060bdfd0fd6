"""`rab eval`: whether it still hears what it heard."""

from pathlib import Path

import rich_click as click

from rab.cli.session import json_option, model_option, print_json, settings_of

GATE_MISSED = 6
"""Exit code of an evaluation that missed a gate or fell behind its baseline."""


@click.group()
def evals() -> None:
    """Run evaluations and hold them against their baselines."""


@evals.command("list")
@json_option
def list_suites(as_json: bool) -> None:
    """List the evaluations and what they ask."""
    from rab.evals.suites import read_suite, suite_names

    suites = [read_suite(name) for name in suite_names()]
    if as_json:
        print_json([suite.model_dump(mode="json") for suite in suites])
        return
    for suite in suites:
        click.echo(f"{suite.name}: {suite.purpose}")
        for case in suite.cases:
            click.echo(f"  {case.name}: {case.asks}")


@evals.command()
@click.argument("suite")
@model_option
@click.option("--data", type=click.Path(path_type=Path), multiple=True, help="Recordings (the fetched samples).")
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder that keeps embeddings of labelled recordings for next time.",
)
@click.option("--accept", "accepted", is_flag=True, help="Make the values the new baseline, if no gate is missed.")
@json_option
@click.pass_context
def run(
    ctx: click.Context,
    suite: str,
    model: str | None,
    data: tuple[Path, ...],
    cache: Path | None,
    accepted: bool,
    as_json: bool,
) -> None:
    """Run an evaluation; exit code 6 when a gate is missed or a value falls behind its baseline.

    A suite that asks for labels takes folders with a MANIFEST.csv (path, set, label, group), or with a sub-folder for
    each label.
    """
    from rab.bootstrap import build_embedder
    from rab.errors import InputError
    from rab.evals.base import judge
    from rab.evals.run import LABELLED_RUNNERS, run_suite
    from rab.evals.suites import accept, read_baseline, read_suite

    if suite in LABELLED_RUNNERS and not data:
        raise InputError(
            f"the suite {suite!r} asks of recordings what they are labelled with",
            hint="name with --data a folder that has a MANIFEST.csv (path, set, label, group) or sub-folders of labels",
        )
    settings = settings_of(ctx)
    embedder = build_embedder(settings, model or settings.model)
    found = run_suite(suite, embedder, data or (settings.home / "samples",), cache=cache)
    verdicts = judge(found, read_suite(suite), None if accepted else read_baseline(suite, found.model))
    if as_json:
        print_json({"run": found, "verdicts": list(verdicts)})
    else:
        click.echo(f"{found.suite} on {found.model}, recordings {found.data_sha256[:12]}, {found.machine}")
        for verdict in verdicts:
            click.echo(f"  {'pass' if verdict.passed else 'FAIL'}  {verdict.case}: {verdict.words}")
        for table in found.tables:
            click.echo(f"\n{table}")
    if not all(verdict.passed for verdict in verdicts):
        ctx.exit(GATE_MISSED)
    if accepted:
        click.echo(f"baseline written: {accept(found)}", err=True)
