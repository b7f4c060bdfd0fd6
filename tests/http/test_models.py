"""The routes about models say what the command line says."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from rab.embedders.weights import MODELS, ModelInfo, describe
from rab.http import create_app


@pytest.fixture
def client(tmp_path: Path) -> TestClient[Litestar]:
    """Return a client of a service whose library has no weights; these routes ask nothing else of it."""
    workspace: Any = SimpleNamespace(home=tmp_path)
    return TestClient(create_app(cast("Any", workspace), model="birdnet-v2.4"))


def test_every_model_is_listed(client: TestClient[Litestar], tmp_path: Path) -> None:
    """State, terms, files and card of each, weights installed or not."""
    answer = client.get("/v1/models")

    assert 200 == answer.status_code, answer.text
    listed = [ModelInfo.model_validate(one) for one in answer.json()["items"]]
    assert [describe(key, tmp_path / "models") for key in MODELS] == listed
    assert {"not installed"} == {one.state for one in listed}


def test_one_model_is_shown(client: TestClient[Litestar]) -> None:
    """The card stands there before the weights do."""
    answer = client.get("/v1/models/perch-v2").json()

    assert ("perch-v2", 1536, "softmax") == (answer["key"], answer["card"]["dim"], answer["card"]["activation"])


def test_unknown_model_is_a_problem(client: TestClient[Litestar]) -> None:
    """404 as problem+json, with the known ones as the next step."""
    answer = client.get("/v1/models/nobody")

    assert (404, "application/problem+json") == (answer.status_code, answer.headers["content-type"].split(";")[0])
    assert "perch-v2" in answer.json()["hint"]


def test_folder_of_weights_may_be_elsewhere(tmp_path: Path) -> None:
    """The service is told where weights are, as the command line is by RAB_MODELS_DIR."""
    workspace: Any = SimpleNamespace(home=tmp_path)
    client = TestClient(create_app(workspace, model="birdnet-v2.4", models_dir=tmp_path / "elsewhere"))

    assert str(tmp_path / "elsewhere" / "perch-v2") == client.get("/v1/models/perch-v2").json()["folder"]
