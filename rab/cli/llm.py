"""`rab llm check`: what a configured language model's server is capable of."""

import rich_click as click

from rab.cli.session import json_option, print_json, settings_of


@click.group()
def llm() -> None:
    """Look at the language model that takes part in writing, if one is configured."""


@llm.command()
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Ask the server what it supports, and how long a choice takes.

    Exit code 7 says that texts would be written by templates.
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
    if as_json:
        print_json(found)
    else:
        offered = "not listed" if found.models is None else ", ".join(found.models) or "none"
        obeys = {None: "not known", True: "yes", False: "no, so the validator does the work"}[found.obeys_schema]
        seconds = "no answer" if found.select_seconds is None else f"{found.select_seconds:.1f} s"
        click.echo(f"reachable    {'yes' if found.is_reachable else 'no'}")
        click.echo(f"models       {offered}")
        click.echo(f"asked for    {found.model}, mode {settings.llm.mode}")
        click.echo(f"format       {found.level or 'not known'}")
        click.echo(f"obeys it     {obeys}")
        click.echo(f"a choice     {seconds}{'' if found.can_select else ', not usable'}")
    if found.fault is not None:
        raise LanguageModelFailed(found.fault, hint="texts are written by templates until this is mended")
