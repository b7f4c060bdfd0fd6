"""`rab llm check`: what a configured language model's server is capable of."""

import rich_click as click

from rab.cli.session import json_option, print_json, settings_of

_MOST_NAMED = 20


@click.group()
def llm() -> None:
    """Look at the language model that takes part in writing, if one is configured."""


@llm.command()
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Ask the server what it supports, and how long a choice takes.

    Exit code 7 says that the mode asks for a model and templates would write. With mode template nothing depends on the
    server, and what is told is what another mode could do.
    """
    from rab.bootstrap import build_language_model
    from rab.errors import LanguageModelFailed, SettingsError
    from rab.workflows.language_check import check_language

    settings = settings_of(ctx)
    model = build_language_model(settings)
    if model is None:
        raise SettingsError(
            "no language model is configured; templates write, and nothing is sent anywhere",
            hint="set RAB_LLM__BASE_URL and RAB_LLM__MODEL, or leave it at that",
        )
    found = check_language(model)
    asks_none = settings.llm.mode == "template"
    if asks_none:
        click.echo("note: mode template asks no model; this is what would be possible with another one", err=True)
    if as_json:
        print_json(found)
    else:
        obeys = {None: "not known", True: "yes", False: "no, so the validator does the work"}[found.obeys_schema]
        seconds = "no answer" if found.select_seconds is None else f"{found.select_seconds:.1f} s"
        click.echo(f"reachable    {'yes' if found.is_reachable else 'no'}")
        click.echo(f"models       {_listed(found.models)}")
        click.echo(f"asked for    {found.model}, mode {settings.llm.mode}")
        click.echo(f"format       {found.level or 'not known'}")
        click.echo(f"obeys it     {obeys}")
        click.echo(f"a choice     {seconds}{'' if found.can_select else ', not usable'}")
    if found.fault is None:
        return
    if not asks_none:
        raise LanguageModelFailed(found.fault, hint="texts are written by templates until this is mended")
    if not as_json:
        click.echo(f"not usable   {found.fault}")


def _listed(models: tuple[str, ...] | None) -> str:
    if models is None:
        return "not listed"
    more = [f"{len(models) - _MOST_NAMED} more"] if len(models) > _MOST_NAMED else []
    return ", ".join([*models[:_MOST_NAMED], *more]) or "none"
