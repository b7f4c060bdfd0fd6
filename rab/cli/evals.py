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
@click.option("--accept", "accepted", is_flag=True, help="Make the values the new baseline, if no gate is missed.")
@json_option
@click.pass_context
def run(
    ctx: click.Context, suite: str, model: str | None, data: tuple[Path, ...], accepted: bool, as_json: bool
) -> None:
    """Run an evaluation; exit code 6 when a gate is missed or a value falls behind its baseline."""
    from rab.bootstrap import build_embedder
    from rab.evals.base import judge
    from rab.evals.run import run_suite
    from rab.evals.suites import accept, read_baseline, read_suite

    settings = settings_of(ctx)
    found = run_suite(suite, build_embedder(settings, model or settings.model), data or (settings.home / "samples",))
    verdicts = judge(found, read_suite(suite), None if accepted else read_baseline(suite, found.model))
    if as_json:
        print_json({"run": found, "verdicts": list(verdicts)})
    else:
        click.echo(f"{found.suite} on {found.model}, recordings {found.data_sha256[:12]}, {found.machine}")
        for verdict in verdicts:
            click.echo(f"  {'pass' if verdict.passed else 'FAIL'}  {verdict.case}: {verdict.words}")
    if not all(verdict.passed for verdict in verdicts):
        ctx.exit(GATE_MISSED)
    if accepted:
        click.echo(f"baseline written: {accept(found)}", err=True)
