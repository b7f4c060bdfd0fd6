"""`rab ingest`: recordings in."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click
from pydantic import ValidationError

from rab.cli.session import FiniteRange, json_option, library, print_json
from rab.domain import Deployment, IngestReport, Value
from rab.errors import InputError

if TYPE_CHECKING:
    from rab.workflows.ingest import IngestPolicy, ProcessingOrder

SOME_FAILED = 4
"""Exit code of a batch that ended with failed files."""

AnyValue = TypeVar("AnyValue", bound=Value)

_OPTION_OF = {
    "snr_floor_db": "snr-floor",
    "threshold": "min-confidence",
    "before_sunset_min": "before-sunset",
    "after_sunrise_min": "after-sunrise",
}
"""Options that are not called as the fields they set."""


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--site", help="Name of the site where all these files were recorded.")
@click.option("--lat", "lat_deg", type=FiniteRange(), help="Latitude of that site, degrees north.")
@click.option("--lon", "lon_deg", type=FiniteRange(), help="Longitude of that site, degrees east.")
@click.option("--zone", help="IANA name of the clock that the recorder kept, such as Europe/Zurich or UTC.")
@click.option("--deployments", type=click.Path(path_type=Path), help="CSV of sites, places, zones and file patterns.")
@click.option(
    "--model", "models", metavar="KEY", multiple=True, help="Model that hears; several in one pass (RAB_MODEL)."
)
@click.option("--channels", default="mix", help="`mix` averages channels, `each` keeps them apart, a number takes one.")
@click.option(
    "--hop", "hop_ms", type=FiniteRange(), help="Milliseconds from window to window; less than a window overlaps."
)
@click.option(
    "--time-expansion", type=click.IntRange(1), help="Factor by which the files were slowed; else as the files say."
)
@click.option(
    "--sensitivity", type=FiniteRange(), help="Slope of the sigmoid, 0.5–1.5 (1); models with a softmax ignore it."
)
@click.option(
    "--min-confidence", "threshold", type=FiniteRange(), help="Raw score from which a class counts as detected."
)
@click.option("--species-list", type=click.Path(path_type=Path), help="Text file; only these species are named.")
@click.option(
    "--privacy", type=click.Choice(["drop", "flag", "off"]), help="What becomes of segments with human voice (flag)."
)
@click.option("--night-only", is_flag=True, help="Look for bats between sunset and sunrise alone.")
@click.option(
    "--before-sunset", "before_sunset_min", type=FiniteRange(), help="Minutes by which that begins earlier (0)."
)
@click.option("--after-sunrise", "after_sunrise_min", type=FiniteRange(), help="Minutes by which that ends later (0).")
@click.option(
    "--snr-floor", "snr_floor_db", type=FiniteRange(), help="dB; segments with less are counted, not embedded."
)
@click.option(
    "--order", type=click.Choice(["path", "oldest", "newest"]), default="path", help="Which files are heard first."
)
@click.option("--threads", "n_threads", type=click.IntRange(1), help="Windows heard at once (RAB_N_THREADS).")
@click.option("--batch", type=click.IntRange(1), default=8, help="Windows that go to a model in one call, at most.")
@click.option("--again", is_flag=True, help="Hear files that are already done, too.")
@json_option
@click.pass_context
def ingest(
    ctx: click.Context,
    /,
    paths: tuple[Path, ...],
    deployments: Path | None,
    models: tuple[str, ...],
    order: "ProcessingOrder",
    n_threads: int | None,
    again: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Take recordings into the library: measure, embed and store them.

    PATHS are files and folders; folders are searched through. Files that are done are passed over, so an ingest that
    was stopped goes on where it was. Exit code 4 says that some files failed; each stands in the list with its reason.
    """
    from rab.audio import read_deployments
    from rab.cli.progress import progress_bar
    from rab.workflows.ingest import ingest as run

    here = _place({name: options.pop(name) for name in ("site", "lat_deg", "lon_deg", "zone")})
    policy = _policy(options)
    known = read_deployments(deployments) if deployments else ()
    with library(ctx) as (settings, workspace), progress_bar(shown=not as_json) as bar:
        report = run(
            workspace,
            paths,
            models=models or (settings.model,),
            deployments=known,
            here=here,
            policy=policy,
            order=order,
            n_threads=n_threads or settings.n_threads,
            again=again,
            watch=bar.watch,
        )
    print_json(report) if as_json else click.echo("\n".join(report_lines(report)))
    if report.failures:
        ctx.exit(SOME_FAILED)


def _policy(options: dict[str, Any]) -> "IngestPolicy":
    """Build the policy that options ask for; what is not given keeps its default."""
    from rab.audio.night import NightPolicy
    from rab.embedders.scores import PrivacyPolicy, ScorePolicy, read_species_list
    from rab.segments import WindowPolicy
    from rab.workflows.ingest import IngestPolicy

    def given(*names: str) -> dict[str, Any]:
        return {name: options[name] for name in names if options[name] is not None}

    species = options["species_list"]
    scores = given("sensitivity", "threshold") | ({"species": read_species_list(species)} if species else {})
    night = given("before_sunset_min", "after_sunrise_min") | {"is_on": options["night_only"]}
    fields = {
        "channels": _channels(options["channels"]),
        "window": _checked(WindowPolicy, given("hop_ms")),
        "scores": _checked(ScorePolicy, scores),
        "privacy": PrivacyPolicy() if options["privacy"] is None else PrivacyPolicy(mode=options["privacy"]),
        "night": _checked(NightPolicy, night),
    }
    return _checked(IngestPolicy, fields | given("time_expansion", "batch", "snr_floor_db"))


def _channels(words: str) -> str | int:
    if words.isdecimal():
        return int(words)
    if words not in ("mix", "each"):
        raise InputError(f"--channels {words} is not a channel policy", hint="write mix, each, or a channel from 0")
    return words


def _place(place: dict[str, str | float | None]) -> Deployment | None:
    from rab.audio import canonical_zone

    given: dict[str, Any] = {name: value for name, value in place.items() if value is not None}
    if "zone" in given:
        given["zone"] = canonical_zone(given["zone"])
    if given and "site" not in given:
        raise InputError("--lat, --lon and --zone describe a site without a name", hint="add --site NAME")
    if ("lat_deg" in given) != ("lon_deg" in given):
        raise InputError("only one of --lat and --lon is given", hint="give both in decimal degrees, or neither")
    return _checked(Deployment, given) if given else None


def _checked(kind: type[AnyValue], given: dict[str, Any]) -> AnyValue:
    """Build a value from options. Raises `InputError` that names the first one out of bounds."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        fault = error.errors()[0]
        field = str(fault["loc"][0])
        option = _OPTION_OF.get(field, field.partition("_")[0])
        raise InputError(
            f"--{option} {fault['input']}: {fault['msg'].lower()}", hint="`rab ingest --help` tells each option's unit"
        ) from error


def report_lines(report: IngestReport) -> Iterator[str]:
    """Yield what became of a batch, in words."""
    seconds = report.elapsed_ms / 1000
    speed = f", {report.audio_ms / report.elapsed_ms:.0f} × real time" if report.audio_ms and report.elapsed_ms else ""
    yield (
        f"{report.n_ingested} files ingested, {report.n_already_done} already done, {len(report.skipped)} skipped,"
        f" {len(report.failures)} failed"
    )
    yield f"{report.n_segments} segments of {report.audio_ms / 1000:.1f} s of sound in {seconds:.1f} s{speed}"
    if report.n_below_snr_floor:
        yield f"{report.n_below_snr_floor} segments below the SNR floor were counted and not embedded"
    if report.n_outside_activity:
        yield f"{report.n_outside_activity} windows outside the hours of activity were not heard"
    if report.n_human_voice:
        fate = {"drop": "and left out", "flag": "and marked"}.get(report.privacy, "")
        yield f"people are heard in {report.n_human_voice} segments, which were counted {fate}"
    yield from (f"note: {caveat}" for caveat in report.caveats)
    yield from (f"skipped {skipped.path}: {skipped.reason}" for skipped in report.skipped)
    for failure in report.failures:
        yield f"failed {failure.path}: {failure.message}"
        yield f"  next: {failure.hint}"
