"""`rab similar`, `rab evidence`, `rab interpret`: questions about one call."""

import rich_click as click

from rab.cli.session import filter_of, json_option, library, print_json, tell_unknown, where_option


@click.command()
@click.argument("segment")
@where_option
@click.option("--limit", type=click.IntRange(1, 1000), help="So many, whatever the signal; nothing is cut.")
@click.option(
    "--variety",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="With --limit: above 0, calls unlike those before them come earlier.",
)
@json_option
@click.pass_context
def similar(ctx: click.Context, segment: str, where: str, limit: int | None, variety: float, as_json: bool) -> None:
    """List the calls nearest to a segment.

    SEGMENT is a segment's id, or its first characters. Without --limit they are the neighbours of its Evidence Pack:
    how many follows from how well it can be heard and how near they are.
    """
    from rab.evidence.printing import call_words, name_words
    from rab.workflows.questions import evidence as gather
    from rab.workflows.questions import similar as find

    if variety and limit is None:
        raise click.UsageError("--variety chooses among the nearest: say how many with --limit")
    with library(ctx) as (_, workspace):
        tell_unknown(workspace, filter_of(where))
        words: tuple[str, ...] = ()
        if limit is None:
            pack = gather(workspace, segment, where=filter_of(where))
            near, words = pack.neighbours, pack.depth.reasons if pack.depth else ()
        else:
            near = find(workspace, segment, n=limit, where=filter_of(where), variety=variety)
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in near])
        return
    for entry in near:
        click.echo(f"{entry.call.segment_id}  {entry.similarity:.3f}  {name_words(entry.name)}")
        click.echo(f"  {call_words(entry.call)}")
    if not near:
        click.echo("no other call is stored that the filter admits")
    elif words:
        click.echo("; ".join(words))


@click.command()
@click.argument("segment", required=False)
@where_option
@click.option("--schema", is_flag=True, help="Print the JSON Schema of Evidence Packs and stop.")
@click.option("--thumbnails", is_flag=True, help="Put spectrograms into the JSON.")
@json_option
@click.pass_context
def evidence(
    ctx: click.Context, segment: str | None, where: str, schema: bool, thumbnails: bool, as_json: bool
) -> None:
    """Print the Evidence Pack of a segment.

    SEGMENT is a segment's id, or its first characters.
    """
    from rab.domain import EvidencePack
    from rab.evidence.printing import pack_words
    from rab.workflows.questions import evidence as gather

    if schema:
        print_json(EvidencePack.model_json_schema(mode="serialization"))
        return
    if segment is None:
        raise click.UsageError("name a segment; `rab segments` lists them")
    with library(ctx) as (_, workspace):
        tell_unknown(workspace, filter_of(where))
        pack = gather(workspace, segment, where=filter_of(where), thumbnails=thumbnails)
    print_json(pack) if as_json else click.echo(pack_words(pack), nl=False)


@click.command()
@click.argument("segment")
@where_option
@json_option
@click.pass_context
def interpret(ctx: click.Context, segment: str, where: str, as_json: bool) -> None:
    """Say what a segment resembles, how it differs, and how sure that is.

    SEGMENT is a segment's id, or its first characters. Every sentence ends with the pack entries that it rests on.
    """
    from rab.generation import text_of
    from rab.workflows.questions import interpret as run

    with library(ctx) as (_, workspace):
        tell_unknown(workspace, filter_of(where))
        interpretation = run(workspace, segment, where=filter_of(where))
    print_json(interpretation) if as_json else click.echo(text_of(interpretation), nl=False)
