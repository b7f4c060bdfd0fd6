"""`rab recordings`, `rab segments`, `rab label`: what the library holds."""

from typing import get_args

import rich_click as click

from rab.cli.session import filter_of, json_option, library, model_option, print_json, where_option
from rab.domain import CallName, LabelKind, StoredSegment
from rab.domain.calibration import Calibrations

limit_option = click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Rows.")
offset_option = click.option("--offset", type=click.IntRange(0), default=0, help="Rows to pass over.")


@click.command()
@limit_option
@offset_option
@json_option
@click.pass_context
def recordings(ctx: click.Context, limit: int, offset: int, as_json: bool) -> None:
    """List the recordings of the library."""
    with library(ctx) as (_, workspace):
        found = workspace.catalog.recordings(limit=limit, offset=offset)
        n_all = workspace.catalog.count_recordings()
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    for one in found:
        start = one.notes.started_at
        when = f"{start:%Y-%m-%d %H:%M:%S} UTC" if start else "no clock"
        click.echo(
            f"{one.id[:12]}  {when:<23}  {one.duration_ms / 1000:9.1f} s  {one.site or '-':<12}  {one.file_name}"
        )
    click.echo(f"{len(found)} of {n_all} recordings")


@click.command()
@model_option
@where_option
@limit_option
@offset_option
@json_option
@click.pass_context
def segments(ctx: click.Context, model: str | None, where: str, limit: int, offset: int, as_json: bool) -> None:
    """List segments, filtered."""
    from rab.evidence.calls import call_name, call_ref
    from rab.evidence.printing import call_words, name_words
    from rab.workflows.calibrating import calibrations_in_use

    with library(ctx) as (settings, workspace):
        card = workspace.card(model or settings.model)
        found = workspace.catalog.list_segments(
            card.space, filter_of(workspace, where, card.key), limit=limit, offset=offset
        )
        calibrations = calibrations_in_use(workspace, card)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    for one in found:
        snr = "   -   " if one.quality.snr_db is None else f"{one.quality.snr_db:4.1f} dB"
        said = call_name(one, card.score_threshold)
        name = name_words(said) + _probability_words(one, said, calibrations)
        people = ", people are heard" if one.human_voice else ""
        click.echo(f"{one.segment.id[:12]}  {snr}  {name}{people}\n  {call_words(call_ref(one))}")
    click.echo("1 segment" if len(found) == 1 else f"{len(found)} segments")


def _probability_words(one: StoredSegment, said: CallName | None, calibrations: Calibrations | None) -> str:
    """Return the calibrated probability of a classifier's name, as the end of its words; empty without one."""
    if said is None or said.source != "model" or calibrations is None:
        return ""
    score = next(score for score in one.scores if score.taxon.scientific_name == said.scientific_name)
    given = calibrations.probability(score, one.recording.site)
    return "" if given is None else f", calibrated probability {given.probability:.2f}"


@click.command()
@click.argument("segment")
@click.argument("taxon")
@click.option("--by", "author", required=True, metavar="NAME", help="Who listened.")
@click.option("--kind", type=click.Choice(get_args(LabelKind)), default="taxon", help="What TAXON names.")
@click.pass_context
def label(ctx: click.Context, segment: str, taxon: str, author: str, kind: LabelKind) -> None:
    """Say what a segment holds, as a person who listened.

    SEGMENT is a segment's id, or its first characters; TAXON is best a scientific name.
    """
    from rab.workflows.labelling import label_segment

    with library(ctx) as (_, workspace):
        given = label_segment(workspace, segment, taxon=taxon, author=author, kind=kind)
    click.echo(f"{given.segment_id}: {given.taxon}, by {given.author}")
