"""The routes about models: what can hear, under which terms, and whether it is installed. No weights are read."""

from litestar import get
from litestar.params import FromPath

from rab.domain import Value
from rab.embedders.weights import MODELS, ModelInfo, describe
from rab.http.context import Context
from rab.http.problems import PROBLEMS


class ModelList(Value):
    """All models that RAB knows."""

    items: tuple[ModelInfo, ...]


@get("/v1/models", sync_to_thread=True, responses=PROBLEMS, tags=["models"])
def models(context: Context) -> ModelList:
    """List the models with their states, licences and cards."""
    return ModelList(items=tuple(describe(key, context.models_dir) for key in MODELS))


@get("/v1/models/{key:str}", sync_to_thread=True, responses=PROBLEMS, tags=["models"])
def model(context: Context, key: FromPath[str]) -> ModelInfo:
    """Return one model."""
    return describe(key, context.models_dir)


MODEL_ROUTES = (models, model)
