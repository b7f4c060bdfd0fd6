"""The route about calibrations answers with what was learned, or says that nothing was."""

from litestar import Litestar
from litestar.testing import TestClient


def test_what_was_never_learned_is_not_found(client: TestClient[Litestar]) -> None:
    """A library without a calibration says so and names the next step."""
    answer = client.get("/v1/calibrations")
    assert 404 == answer.status_code
    assert "nothing is calibrated for birdnet-v2.4" in answer.text
    assert "rab calibrate" in answer.text


def test_the_answer_is_documented(client: TestClient[Litestar]) -> None:
    """The OpenAPI document knows the route, its parameters and the fields of its answer."""
    document = client.get("/schema/openapi.json").json()
    route = document["paths"]["/v1/calibrations"]["get"]
    assert {"model", "taxon"} == {one["name"] for one in route["parameters"]}
    assert "SpeciesCalibration" in str(document["components"]["schemas"])
