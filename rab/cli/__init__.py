"""The `rab` command. It has no logic of its own: every command calls one workflow and prints what comes back.

Results go to standard output, as words or with `--json` as JSON; progress, log lines and errors go to standard error.
The exit code tells the truth: 0 all well, 4 some files of a batch failed, 6 an evaluation missed a gate, 9 a report
that was made again is another, 130 stopped by the user, and the codes of `rab.errors` for the rest.
"""

import sys

import rich_click as click

from rab import __version__
from rab.cli.lazy import LazyGroup
from rab.errors import RabError

COMMANDS = {
    "demo": ("rab.cli.demo:demo", "Set up models and samples, ingest them, and write a cited report."),
    "samples": ("rab.cli.samples:samples", "Fetch real sample recordings with their licences."),
    "models": ("rab.cli.models:models", "List, install and verify the models that hear."),
    "ingest": ("rab.cli.ingest:ingest", "Take recordings into the library: measure, embed and store them."),
    "recordings": ("rab.cli.library:recordings", "List the recordings of the library."),
    "segments": ("rab.cli.library:segments", "List segments, filtered."),
    "detections": ("rab.cli.detections:detections", "List what was heard when, merged over time, as CSV."),
    "cluster": ("rab.cli.clusters:cluster", "Group the library's calls by how they sound."),
    "clusters": ("rab.cli.clusters:clusters", "List clusters, name them, and say which are one."),
    "novelty": (
        "rab.cli.clusters:novelty",
        "List the calls least like the rest of the library, with what they resemble most.",
    ),
    "sequences": (
        "rab.cli.sequences:sequences",
        "Say what follows what: bouts, transitions, motifs, and how hard the next sound is to foretell.",
    ),
    "drift": (
        "rab.cli.sequences:drift",
        "Say recorder by recorder whether noise floor, clipping, SNR or the mean embedding changed, and when.",
    ),
    "suggest": ("rab.cli.suggest:suggest", "Suggest labels for calls, or say why a person should listen first."),
    "review": ("rab.cli.review:review", "Accept, correct or reject a suggestion, as a person who listened."),
    "label": ("rab.cli.library:label", "Say what a segment holds, as a person who listened."),
    "library": ("rab.cli.call_library:library", "Keep labelled reference collections as exemplars."),
    "probes": ("rab.cli.probes:probes", "Teach small classifiers by the library's own labels, and apply them."),
    "map": ("rab.cli.structure:structure", "Lay the library out in two dimensions, as data."),
    "rerank": ("rab.cli.rerank:rerank", "Learn from the library how to order neighbours."),
    "calibrate": (
        "rab.cli.calibrate:calibrate",
        "Learn from labels what raw scores are worth, prove it on recordings held out, and use it.",
    ),
    "similar": ("rab.cli.evidence:similar", "List the calls nearest to a segment, or to a stretch of a file."),
    "evidence": ("rab.cli.evidence:evidence", "Print the Evidence Pack of a segment, or of a stretch of a file."),
    "interpret": ("rab.cli.evidence:interpret", "Say what a call resembles, how it differs, and how sure that is."),
    "summary": ("rab.cli.summary:summary", "Print a cited monitoring summary."),
    "hypotheses": (
        "rab.cli.hypotheses:hypotheses",
        "Screen the library for contrasts that are worth a question, and ask them.",
    ),
    "report": ("rab.cli.report:report", "Write a document as HTML, Markdown and JSON, with playable calls."),
    "reproduce": ("rab.cli.report:reproduce", "Make a report again from the library, and say whether it is identical."),
    "llm": ("rab.cli.llm:llm", "Look at the language model that takes part in writing, if one is configured."),
    "store": ("rab.cli.store:store", "Show, verify, plan and move the vectors of the library."),
    "serve": ("rab.cli.serve:serve", "Answer over HTTP."),
    "bench": ("rab.cli.bench:bench", "Measure speed and memory as ratios to a baseline in the same run."),
    "eval": ("rab.cli.evals:evals", "Run evaluations and hold them against their baselines."),
}


@click.group(cls=LazyGroup, targets=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rab")
@click.option("--home", metavar="FOLDER", help="Data directory (RAB_HOME; ./rab-data without either).")
@click.option("--log-level", metavar="LEVEL", help="Least level of log lines (RAB_LOG_LEVEL; WARNING without either).")
@click.pass_context
def rab(ctx: click.Context, home: str | None, log_level: str | None) -> None:
    """Retrieval-Augmented Bioacoustics: recordings in, statements that cite the calls behind them out."""
    ctx.obj = {"home": home, "log_level": log_level}


def main() -> None:
    """Run the command line; errors of RAB end in their message, their next step and their exit code."""
    try:
        sys.exit(rab(standalone_mode=False))  # click returns what `ctx.exit` was given
    except click.ClickException as fault:
        fault.show()
        sys.exit(fault.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; what was finished is kept, and the same command goes on from there", err=True)
        sys.exit(130)
    except RabError as error:
        click.secho(f"error: {error.message}", fg="red", err=True)
        click.echo(f"  next: {error.hint}", err=True)
        sys.exit(error.exit_code)
