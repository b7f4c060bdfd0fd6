"""Hypothesis prompts over HTTP, on the library of samples."""

from litestar import Litestar
from litestar.testing import TestClient

from rab.domain import HypothesisPrompts


def test_the_route_answers_with_a_text_and_its_pack(client: TestClient[Litestar]) -> None:
    """The families asked for are screened, and how many contrasts each had is said."""
    answer = client.get("/v1/hypotheses", params={"family": ["co_occurrence", "noise_response"]})
    assert 200 == answer.status_code
    written = HypothesisPrompts.model_validate(answer.json())
    assert ["noise_response", "co_occurrence"] == [one.code for one in written.claims if one.kind == "screening"]


def test_a_family_that_does_not_exist_is_refused(client: TestClient[Litestar]) -> None:
    """An unknown family is the asker's mistake."""
    assert 400 == client.get("/v1/hypotheses", params={"family": "witchcraft"}).status_code
