"""`rab eval`: whether it still hears what it heard."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from rab.cli.ingest import SOME_FAILED
from rab.cli.listen import listen
from rab.cli.session import heard_under, json_option, model_option, print_json, settings_of

if TYPE_CHECKING:
    from rab.embedders.base import Embedder
    from rab.evals.base import EvalRun
    from rab.evals.kept import KeptRun
    from rab.evals.own import OwnSuite
    from rab.settings import Settings
    from rab.workflows.workspace import Workspace

GATE_MISSED = 6
"""Exit code of an evaluation that missed a gate or fell behind its baseline, or of a comparison that found it worse."""
OWN_FILE = "rab-eval.json"

data_option = click.option(
    "--data", type=click.Path(path_type=Path), multiple=True, help="Recordings (the fetched samples)."
)
cache_option = click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder that keeps embeddings of labelled recordings for next time.",
)
out_option = click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of kept runs and their pages (RAB_HOME/evals)."
)


@click.group()
def evals() -> None:
    """Run evaluations and hold them against their baselines."""


evals.add_command(listen)


@evals.command("list")
@json_option
def list_suites(as_json: bool) -> None:
    """List the evaluations and what they ask."""
    from rab.evals.run import LABELLED_RUNNERS
    from rab.evals.suites import read_suite, suite_names

    suites = [read_suite(name) for name in suite_names()]
    if as_json:
        print_json([suite.model_dump(mode="json") for suite in suites])
        return
    for suite in suites:
        needs = " (needs labelled recordings)" if suite.name in LABELLED_RUNNERS else ""
        click.echo(f"{suite.name}: {suite.purpose}{needs}")
        for case in suite.cases:
            click.echo(f"  {case.name}: {case.asks}")


@evals.command()
@click.argument("suites", nargs=-1, required=True, metavar="SUITE…")
@model_option
@data_option
@cache_option
@out_option
@click.option("--accept", "accepted", is_flag=True, help="Make the values the new baseline, if no gate is missed.")
@json_option
@click.pass_context
def run(
    ctx: click.Context,
    suites: tuple[str, ...],
    model: str | None,
    data: tuple[Path, ...],
    cache: Path | None,
    out: Path | None,
    accepted: bool,
    as_json: bool,
) -> None:
    """Run evaluations; exit code 6 when a gate is missed or a value falls behind its baseline.

    SUITE is a name of `rab eval list`, the rab-eval.json of a folder of yours, `fast` for all that ask for no labels,
    or `all` for all that can be asked of what is here: fast ones of the samples, the others of the folders named with
    --data. A suite that asks for labels takes folders with a MANIFEST.csv (path, set, label, group), or with a
    sub-folder for each label. Each run is kept as JSON lines, with a page on which scores open to what they rest on.
    Rows and files of a folder of yours that cannot be used are named, and the exit code is 4 if nothing else failed.
    """
    from rab.evals.suites import accept

    settings = settings_of(ctx)
    names = _chosen(suites, data)
    passed, kept_runs = True, []
    embedders: dict[str, Embedder] = {}
    for number, name in enumerate(names, start=1):
        if len(names) > 1:
            click.echo(f"{number}/{len(names)} {name}", err=True)
        asking = _Asking(settings, embedders, model, data if _takes(name, suites) else (), cache)
        kept = asking.own(Path(name)) if Path(name).suffix == ".json" else asking.suite(name, accepted=accepted)
        file = _keep(kept, out or settings.home / "evals")
        kept_runs.append(kept)
        passed &= kept.passed
        if not as_json:
            _show(kept)
            click.echo(f"kept: {file}, page: {file.with_suffix('.html')}", err=True)
        if accepted and kept.passed and Path(name).suffix != ".json":
            if name == "library":
                asking.keep_golden()
            click.echo(f"baseline written: {accept(kept.run)}", err=True)
    if as_json:
        found = [
            {"run": kept.run, "verdicts": list(kept.verdicts), "notes": list(kept.notes), "n_failed": kept.n_failed}
            for kept in kept_runs
        ]
        print_json(found[0] if len(found) == 1 else list(found))
    if not passed:
        ctx.exit(GATE_MISSED)
    if any(kept.n_failed for kept in kept_runs):
        ctx.exit(SOME_FAILED)


@evals.command("compare")
@click.argument("before")
@click.argument("after")
@out_option
@json_option
@click.pass_context
def compare_runs(ctx: click.Context, before: str, after: str, out: Path | None, as_json: bool) -> None:
    """Compare two kept runs of a suite; exit code 6 when a case got worse by more than its tolerance.

    A run is a file that `rab eval run` kept, its name, or the name of a suite for the latest run of it.
    """
    from rab.evals.compare import compare
    from rab.evals.kept import find_run, read_run

    folder = out or settings_of(ctx).home / "evals"
    found = compare(*(read_run(find_run(name, folder)) for name in (before, after)))
    if as_json:
        print_json(found)
    else:
        for note in found.notes:
            click.echo(f"note: {note}")
        for change in found.changes:
            click.echo(f"  {change.standing:<10}  {change.case}: {change.words}")
            for instance in change.instances:
                click.echo(f"              {instance}")
    if found.worse:
        ctx.exit(GATE_MISSED)


@evals.command()
@click.argument("run", required=False)
@out_option
@click.option("--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write the run's page anew.")
@json_option
@click.pass_context
def show(ctx: click.Context, run: str | None, out: Path | None, page: Path | None, as_json: bool) -> None:
    """Show a kept run with its intervals and worst instances; without RUN, list the runs that were kept."""
    from rab.evals.kept import find_run, kept_runs, read_run
    from rab.evals.page import render_run

    folder = out or settings_of(ctx).home / "evals"
    if run is None:
        files = kept_runs(folder)
        if as_json:
            print_json([file.name for file in files])
        else:
            click.echo("\n".join(file.name for file in files) or f"no runs in {folder}; `rab eval run` keeps them")
        return
    kept = read_run(find_run(run, folder))
    if page is not None:
        _write(page, render_run(kept))
    if as_json:
        print_json(kept)
    else:
        _show(kept, n_instances=3)


@evals.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--labels", type=click.Path(path_type=Path, dir_okay=False), help="Table of labels (CSV, TSV, Raven).")
@click.option("--label-column", metavar="NAME", help="Column of the table that names what is heard.")
@click.option("--group-column", metavar="NAME", help="Column that never stands on both sides of a split.")
@model_option
@cache_option
@click.option("--force", is_flag=True, help="Replace a rab-eval.json that is there.")
@json_option
@click.pass_context
def init(
    ctx: click.Context,
    folder: Path,
    labels: Path | None,
    label_column: str | None,
    group_column: str | None,
    model: str | None,
    cache: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Make an evaluation of a labelled folder of yours: measure it once, and write its gates into FOLDER/rab-eval.json.

    Labels come from --labels, from a MANIFEST.csv, from selection tables beside recordings, or from the names of
    sub-folders. Recordings of one group are never compared with each other; without a group column a recording is one.
    Rows and files that cannot be used are named, and the exit code is 4 then.
    """
    from rab.bootstrap import build_embedder
    from rab.errors import Conflict
    from rab.evals.own import make_suite
    from rab.evals.own_labels import Source

    settings = settings_of(ctx)
    file = folder / OWN_FILE
    if file.exists() and not force:
        raise Conflict(f"{file} is there already", hint=f"run `rab eval run {file}`, or replace it with --force")
    source = Source(
        labels=None if labels is None else str(labels.resolve()),
        label_column=label_column,
        group_column=group_column,
    )
    key = model or settings.model
    made = make_suite(folder, source, build_embedder(settings, key), cache=cache)
    _write(file, made.model_dump_json(indent=2) + "\n")
    if as_json:
        print_json(made)
    else:
        _tell(made, file)
    if made.n_failed:
        ctx.exit(SOME_FAILED)


def _tell(made: "OwnSuite", file: Path) -> None:
    unused = sum(made.n_unused.values())
    beside = f"; {unused} more recordings gave no labelled window" if unused else ""
    click.echo(f"{file}: {made.n_recordings} recordings, {made.n_windows} windows, groups by {made.grouped_by}{beside}")
    for label in sorted({*made.labels, *made.n_left_out}):
        left = made.n_left_out.get(label)
        said = f"{made.labels[label]} group(s)" if label in made.labels else "no window"
        click.echo(f"  {label}: {said}" + (f", {left} labelled parts left out" if left else ""))
    for note in made.notes:
        click.echo(f"note: {note}")
    for case in made.suite.cases:
        click.echo(f"  {case.name}: {made.measured[case.name]:.4g}, gate {case.gate:.4g}")
    click.echo(f"next: rab eval run {file}")


class _Asking:
    """Asks suites with the models that they name, each built once."""

    def __init__(
        self,
        settings: "Settings",
        embedders: "dict[str, Embedder]",
        model: str | None,
        data: tuple[Path, ...],
        cache: Path | None,
    ) -> None:
        self._settings, self._embedders, self._model = settings, embedders, model
        self._data, self._cache = data, cache

    def suite(self, name: str, *, accepted: bool) -> "KeptRun":
        """Run a suite of `evals/` and judge it."""
        from rab.evals.base import judge
        from rab.evals.kept import KeptRun
        from rab.evals.run import run_suite
        from rab.evals.suites import read_baseline, read_suite

        suite = read_suite(name)
        paths = heard_under(self._settings, self._data)
        found: EvalRun = run_suite(name, self._embedder(), paths, cache=self._cache, open_library=self._libraries())
        verdicts = judge(found, suite, None if accepted else read_baseline(name, found.model))
        return KeptRun(suite=suite, run=found, verdicts=verdicts)

    def own(self, file: Path) -> "KeptRun":
        """Run the suite of a user's folder and judge it by its own gates."""
        from rab.evals.own import read_own, run_own

        made = read_own(file)
        return run_own(made, file.parent, self._embedder(made.model), cache=self._cache)

    def keep_golden(self) -> None:
        """Keep the golden vectors of the model that was accepted."""
        from rab.evals.library import golden_sounds
        from rab.evals.suites import keep_golden

        embedder = self._embedder()
        keep_golden(embedder.card.key, embedder.embed(golden_sounds(embedder)).embeddings)

    def _embedder(self, key: str | None = None) -> "Embedder":
        from rab.bootstrap import build_embedder

        key = self._model or key or self._settings.model
        if key not in self._embedders:
            self._embedders[key] = build_embedder(self._settings, key)
        return self._embedders[key]

    def _libraries(self) -> "_Libraries":
        return _Libraries(self._settings)


class _Libraries:
    """Opens empty libraries that use the weights of the settings."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings

    @contextmanager
    def __call__(self, home: Path) -> "Iterator[Workspace]":
        """Open an empty library in a folder."""
        from rab.bootstrap import models_dir, open_workspace
        from rab.settings import CatalogSettings, StoreSettings

        own = {"home": home, "models_dir": models_dir(self._settings)}
        apart = {"store": StoreSettings(), "catalog": CatalogSettings()}  # an evaluation never writes to a server
        with open_workspace(self._settings.model_copy(update=own | apart), purpose="rab eval") as workspace:
            yield workspace


def _chosen(suites: Sequence[str], data: Sequence[Path]) -> list[str]:
    """Return the suites that are meant, each once; what cannot be asked without labels is said or left out."""
    from rab.errors import InputError
    from rab.evals.run import LABELLED_RUNNERS
    from rab.evals.suites import suite_names

    fast = [name for name in suite_names() if name not in LABELLED_RUNNERS]
    labelled = [name for name in suite_names() if name in LABELLED_RUNNERS]
    names: list[str] = []
    for suite in suites:
        if suite == "all" and not data:
            click.echo(f"left out, for no labelled folder is named with --data: {', '.join(labelled)}", err=True)
        names += {"fast": fast, "all": [*fast, *labelled] if data else fast}.get(suite, [suite])
        if suite in labelled and not data:
            raise InputError(
                f"the suite {suite!r} asks of recordings what they are labelled with",
                hint="name with --data a folder with a MANIFEST.csv (path, set, label, group) or sub-folders of labels",
            )
    return list(dict.fromkeys(names))


def _takes(name: str, suites: Sequence[str]) -> bool:
    """Return whether --data is meant for a suite: labelled folders are not for fast ones when all are run."""
    from rab.evals.run import LABELLED_RUNNERS

    return name in suites or name in LABELLED_RUNNERS or "all" not in suites


def _keep(kept: "KeptRun", folder: Path) -> Path:
    from rab.evals.kept import write_run
    from rab.evals.page import render_run

    file = write_run(kept, folder)
    _write(file.with_suffix(".html"), render_run(kept))
    return file


def _write(file: Path, text: str) -> None:
    from rab.errors import StorageFailed

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageFailed(f"{file} cannot be written: {error.strerror}", hint="name another folder") from error


def _show(kept: "KeptRun", *, n_instances: int = 0) -> None:
    run = kept.run
    took = "" if run.duration_s is None else f", {run.duration_s:.0f} s"
    click.echo(f"{run.suite} on {run.model}, recordings {run.data_sha256[:12]}, {run.machine}{took}")
    for note in kept.notes:
        click.echo(f"note: {note}")
    scores = {score.case: score for score in run.scores}
    for verdict in kept.verdicts:
        score = scores.get(verdict.case)
        interval = "" if score is None or score.low is None else f" [{score.low:.3g}, {score.high:.3g}]"
        click.echo(f"  {'pass' if verdict.passed else 'FAIL'}  {verdict.case}: {verdict.words}{interval}")
        shown = n_instances or (0 if verdict.passed else 3)
        for instance in () if score is None else score.instances[:shown]:
            value = "" if instance.value is None else f"{instance.value:.4g}"
            click.echo(f"          {instance.name}: {value} {instance.words}".rstrip())
    if run.n_unscored:
        click.echo(f"  {run.n_unscored} of {len(run.scores)} could not be scored")
    for table in run.tables:
        click.echo(f"\n{table}")
