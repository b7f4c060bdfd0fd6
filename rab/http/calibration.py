"""The route about what raw scores are worth here."""

from typing import Annotated

from litestar import get
from litestar.params import FromQuery, QueryParameter

from rab.domain.calibration import Calibrations
from rab.http.context import Context
from rab.http.problems import PROBLEMS
from rab.http.routes import Model
from rab.workflows.calibrating import calibration_of_taxon, last_calibrations

Taxon = Annotated[str | None, QueryParameter(description="One taxon, by its scientific or common name.")]


@get("/v1/calibrations", sync_to_thread=True, responses=PROBLEMS, tags=["library"])
def calibrations(context: Context, model: Model = None, taxon: FromQuery[Taxon] = None) -> Calibrations:
    """Return what was learned last of a model's scores, taxon by taxon, with its proof."""
    key = model or context.model
    found = last_calibrations(context.workspace, model=key)
    if taxon is None:
        return found
    return found.model_copy(update={"species": calibration_of_taxon(context.workspace, taxon, model=key)})


CALIBRATION_ROUTES = (calibrations,)
"""All of them."""
