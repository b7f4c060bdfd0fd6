"""`rab detections`: what was heard when."""

import csv
import sys

import rich_click as click

from rab.cli.session import FiniteRange, filter_of, json_option, library, model_option, print_json, where_option

_PLACE = ("file", "channel", "start_s", "end_s")
_WHAT = ("scientific_name", "common_name", "raw_score", "n_segments", "segment", "probability")


@click.command()
@model_option
@where_option
@click.option(
    "--merge-gap",
    type=FiniteRange(0),
    help="Seconds without a species that end its detection (0; for models that find calls, 1).",
)
@json_option
@click.pass_context
def detections(ctx: click.Context, model: str | None, where: str, merge_gap: float | None, as_json: bool) -> None:
    """List what was heard when, merged over time, as CSV.

    Of each species there is one row for as long as it is heard, with the best raw score, the segment that gave it, and
    the calibrated probability there where the library has one.
    """
    from rab.embedders.scores import MergePolicy
    from rab.workflows.detections import detections as run

    policy = None if merge_gap is None else MergePolicy(max_gap_ms=1000 * merge_gap)
    with library(ctx) as (settings, workspace):
        found = run(
            workspace,
            model=model or settings.model,
            where=filter_of(workspace, where, model or settings.model),
            merge=policy,
        )
    if as_json:
        print_json(
            [
                {"file": one.recording.path, **one.detection.model_dump(mode="json"), "probability": one.probability}
                for one in found
            ]
        )
        return
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(_PLACE + _WHAT)
    for one in found:
        detection, taxon = one.detection, one.detection.score.taxon
        rows.writerow(
            [
                one.recording.file_name,
                "mix" if detection.channel is None else detection.channel,
                f"{detection.t0_ms / 1000:.3f}",
                f"{detection.t1_ms / 1000:.3f}",
                taxon.scientific_name,
                taxon.common_name,
                f"{detection.score.raw_score:.4f}",
                detection.n_segments,
                detection.segment_id[:12],
                "" if one.probability is None else f"{one.probability:.4f}",
            ]
        )
