"""The route about hypothesis prompts."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from rab.domain import HypothesisPrompts
from rab.domain.evidence import FAMILIES, Family
from rab.domain.filter import parse_filter
from rab.http.context import Context
from rab.http.problems import PROBLEMS
from rab.http.routes import Model, Where
from rab.workflows.hypothesising import hypothesise

Families = Annotated[list[Family] | None, QueryParameter(description="Screen these alone; all without it.")]


@get("/v1/hypotheses", sync_to_thread=True, responses=PROBLEMS, tags=["evidence"])
def hypotheses(context: Context, where: Where = "", model: Model = None, family: Families = None) -> HypothesisPrompts:
    """Screen the library for contrasts that are worth a question, and ask them with all that belongs to them."""
    return hypothesise(
        context.workspace, model=model or context.model, where=parse_filter(where), families=family or FAMILIES
    )


HYPOTHESIS_ROUTES = (hypotheses,)
