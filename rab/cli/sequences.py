"""`rab sequences` and `rab drift`: what follows what, and which recorders changed."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

import rich_click as click

from rab.cli.session import FiniteRange, filter_of, json_option, library, model_option, print_json, where_option
from rab.errors import NotFound

if TYPE_CHECKING:
    from rab.domain.sequence import EntropyRate

by_option = click.option(
    "--by",
    type=click.Choice(["cluster", "taxon", "label"]),
    default="cluster",
    show_default=True,
    help="What a segment counts as: its cluster, its best detected taxon, its newest label.",
)
group_option = click.option("--per", type=click.Choice(["site", "habitat"]), help="Each of these by itself.")
gap_option = click.option(
    "--max-gap",
    "max_gap_s",
    type=FiniteRange(min=0),
    default=4.0,
    show_default=True,
    help="Seconds from the end of one to the start of the next that still count as following.",
)
unassigned_option = click.option(
    "--unassigned",
    type=click.Choice(["skip", "break"]),
    default="skip",
    show_default=True,
    help="Pass over segments without a cluster, or let each end a sequence.",
)
repeats_option = click.option(
    "--fold-repeats/--keep-repeats",
    "fold",
    default=None,
    help="Whether a sound that goes on is one step (for models whose segments are windows, it is).",
)
limit_option = click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Rows.")


def _common(command: Any) -> Any:
    options = (model_option, where_option, by_option, group_option, gap_option, unassigned_option, repeats_option)
    for option in reversed((*options, limit_option, json_option, click.pass_context)):
        command = option(command)
    return command


def _read(ctx: click.Context, workspace: Any, model: str, asked: dict[str, Any]) -> tuple[Any, Any]:
    from rab.workflows.sequences import policy_for, read_sequences

    where, by, per = filter_of(workspace, asked["where"], model), asked["by"], asked["per"]
    sequences = read_sequences(workspace, model=model, where=where, by=by, group_by=per)
    if per and not sequences.groups:
        click.echo(f"note: no recording that matches has a {per}; all are taken together", err=True)
    own = policy_for(workspace, model)
    changed = {"max_gap_ms": 1000 * asked["max_gap_s"], "unassigned": asked["unassigned"]}
    if asked["fold"] is not None:
        changed["fold_repeats"] = asked["fold"]
    return sequences, own.model_copy(update=changed)


def _unknown(symbol: str, by: str, alphabet: Sequence[str]) -> NotFound:
    """Return the error for what no sequence holds, with what comes near it."""
    near = get_close_matches(symbol, alphabet, n=3, cutoff=0.5)
    hints = {
        "cluster": "`rab clusters list` shows the clusters; one that was merged goes by the id of the other",
        "taxon": "write a scientific name",
        "label": "write a label as it was given",
    }
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    return NotFound(f"no segment that matches counts as the {by} {symbol!r}", hint=f"{hints[by]}{meant}")


@click.group()
def sequences() -> None:
    """Say what follows what: bouts, transitions, motifs, and how hard the next sound is to foretell."""


@sequences.command("bouts")
@_common
def list_bouts(ctx: click.Context, model: str | None, limit: int, as_json: bool, **asked: Any) -> None:
    """List the bouts, and the gap that ends one."""
    from rab.workflows.sequences import bouts_of

    with library(ctx) as (settings, workspace):
        found, policy = _read(ctx, workspace, model or settings.model, asked)
        criterion, bouts = bouts_of(found, policy)
    if as_json:
        print_json({"criterion": criterion, "n_bouts": len(bouts), "bouts": bouts[:limit]})
        return
    click.echo(f"a gap of more than {criterion.gap_ms / 1000:.1f} s ends a bout: {criterion.reason}")
    for bout in bouts[:limit]:
        shown = " ".join(bout.symbols[:8]) + (" …" if len(bout.symbols) > 8 else "")
        click.echo(f"{bout.recording_id[:12]}  {bout.t0_ms / 1000:8.1f}–{bout.t1_ms / 1000:.1f} s  {shown}")
    click.echo(f"{len(bouts)} bouts, {sum(len(bout.symbols) > 1 for bout in bouts)} of more than one sound")


@sequences.command("transitions")
@click.option("--after", metavar="SYMBOL", help="Say what usually follows this cluster, taxon or label.")
@_common
def list_transitions(
    ctx: click.Context, model: str | None, limit: int, as_json: bool, after: str | None, **asked: Any
) -> None:
    """List which sound follows which, how often, and whether chance would do the same."""
    from rab.workflows.sequences import following, transitions_of

    with library(ctx) as (settings, workspace):
        found, policy = _read(ctx, workspace, model or settings.model, asked)
        if after is not None:
            if after not in found.alphabet:
                raise _unknown(after, asked["by"], found.alphabet)
            usual = following(found, after, within_ms=policy.max_gap_ms)
        else:
            tables = transitions_of(found, policy)
    if after is not None:
        if as_json:
            print_json({"following": usual})
        else:
            click.echo(usual.words if usual else f"nothing follows {after} within {policy.max_gap_ms / 1000:g} s")
        return
    if as_json:
        print_json([table.model_dump(mode="json") for table in tables])
        return
    for table in tables:
        if table.group:
            click.echo(f"{table.group}:")
        for one in table.transitions[:limit]:
            mark = "beyond chance" if one.exceeds_chance else "not shown beyond chance"
            click.echo(
                f"  {one.first} → {one.then}  {one.n} in {_recordings(one.n_recordings)},"
                f" {100 * one.fraction:.0f} % ({100 * one.low:.0f}–{100 * one.high:.0f} %),"
                f" {one.n_by_chance:.1f} by chance, p {one.p_value:.2g}: {mark}"
            )
        click.echo(
            f"{table.n_links} transitions between {len(table.symbols)} symbols in {table.n_recordings} recordings; "
            "beyond chance: after control of the false-discovery rate over all pairs"
        )


@sequences.command("motifs")
@click.option("--min-count", type=click.IntRange(2), default=5, show_default=True, help="Instances at least.")
@click.option("--min-recordings", type=click.IntRange(1), default=2, show_default=True, help="Recordings at least.")
@click.option("--shuffles", type=click.IntRange(19), default=99, show_default=True, help="How often to shuffle.")
@click.option(
    "--null",
    type=click.Choice(["composition", "transitions"]),
    default="composition",
    show_default=True,
    help="What shuffles keep of each recording: which sounds, or also which follows which.",
)
@click.option("--listen", is_flag=True, help="Align the sound of some instances, to confirm that they are alike.")
@_common
def list_motifs(
    ctx: click.Context,
    model: str | None,
    limit: int,
    as_json: bool,
    min_count: int,
    min_recordings: int,
    shuffles: int,
    null: Literal["composition", "transitions"],
    listen: bool,
    **asked: Any,
) -> None:
    """List sequences that come again and again, more often than in shuffles of the same recordings."""
    from rab.retrieval.sequences import MotifPolicy
    from rab.workflows.sequences import motif_agreement, motifs_of

    with library(ctx) as (settings, workspace):
        found, policy = _read(ctx, workspace, model or settings.model, asked)
        wanted = MotifPolicy(min_count=min_count, min_recordings=min_recordings, n_shuffles=shuffles, null=null)
        reports = motifs_of(found, policy, wanted)
        shown = [motif for report in reports for motif in report.motifs[:limit]]
        heard = {motif.symbols: motif_agreement(workspace, found, motif) for motif in shown} if listen else {}
    if as_json:
        agreements = [{"symbols": list(symbols), "agreement": one} for symbols, one in heard.items()]
        print_json({"reports": reports, "agreements": agreements})
        return
    for report in reports:
        if report.group:
            click.echo(f"{report.group}:")
        for motif in report.motifs[:limit]:
            click.echo(
                f"  {' → '.join(motif.symbols)}  {motif.n} in {_recordings(motif.n_recordings)},"
                f" {motif.n_by_chance:.1f} by chance, q {motif.q_value:.2g}"
            )
            if (alike := heard.get(motif.symbols)) is not None:
                word = "confirmed by sound" if alike.confirmed else "not confirmed by sound"
                click.echo(
                    f"    {word}: {alike.among_instances_db} dB apart, {alike.to_random_db} dB from random sequences"
                )
            for instance in motif.instances[:3]:
                click.echo(f"    {instance.recording_id[:12]} {instance.t0_ms / 1000:.1f} s  {instance.segment_ids[0]}")
        click.echo(f"{len(report.motifs)} motifs in {report.n_steps} steps of {report.n_recordings} recordings")


@sequences.command("entropy")
@_common
def list_entropy(ctx: click.Context, model: str | None, limit: int, as_json: bool, **asked: Any) -> None:
    """Say how hard the next sound is to foretell, in bits.

    With an interval where the steps suffice, as "at most" where they are too few. Groups are compared at one order.
    """
    from rab.workflows.sequences import entropies_of

    with library(ctx) as (settings, workspace):
        found, policy = _read(ctx, workspace, model or settings.model, asked)
        rates = entropies_of(found, policy)
    if as_json:
        print_json([rate.model_dump(mode="json") for rate in rates])
        return
    for rate in rates[:limit]:
        click.echo(f"{rate.group or 'all'}: {_entropy_words(rate)}")
    if len(rates) > 1:
        click.echo(f"all compared at order {rates[0].order}: so many sounds before are known")
    if rates and (n_short := len(found.groups) - len(rates)) > 0:
        click.echo(f"{_counted(n_short, asked['per'])} left out, with too few steps")
    if not rates:
        click.echo("there are too few steps to tell")


def _entropy_words(rate: "EntropyRate") -> str:
    counts = (
        f"order {rate.order}, {_counted(rate.n_steps, 'step')} of {_counted(rate.n_symbols, 'symbol')}"
        f" in {_counted(rate.n_recordings, 'recording')}"
    )
    if rate.is_upper_bound:
        return f"{rate.reason} (upper end {rate.high:.2f}); {counts}"
    return f"{rate.bits:.2f} bits a step ({rate.low:.2f}–{rate.high:.2f}), {counts}"


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


@click.command()
@model_option
@where_option
@json_option
@click.pass_context
def drift(ctx: click.Context, model: str | None, where: str, as_json: bool) -> None:
    """Say recorder by recorder whether noise floor, clipping, SNR or the mean embedding changed, and when.

    A change may be the recorder's, the season's or the weather's: that is for you to tell.
    """
    from rab.workflows.drift import drift_sentences, recorder_drift

    with library(ctx) as (settings, workspace):
        found = recorder_drift(
            workspace, model=model or settings.model, where=filter_of(workspace, where, model or settings.model)
        )
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    for one in found:
        name = f"{one.site or 'no site'}, {f'recorder {one.serial}' if one.serial else 'no serial number'}"
        click.echo(f"{name} ({_counted(one.n_days, 'day')}, {_counted(one.n_segments, 'segment')})")
        for sentence in drift_sentences(one):
            click.echo(f"  {sentence}")


def _recordings(n: int) -> str:
    return "1 recording" if n == 1 else f"{n} recordings"
