"""Every printable number has a reference, a unit, a precision, and the items it rests on."""

import pytest

from rab.domain import EvidencePack, Quantity
from rab.generation import GroundingPolicy, printed, quantities


def quantity(value: float, unit: str, decimals: int, ref: str = "n1.0000:x") -> Quantity:
    return Quantity(ref=ref, value=value, unit=unit, decimals=decimals, source=())


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "text"),
    [
        (0.8349, "cosine", 2, "0.83"),
        (0.71, "raw score", 2, "0.71"),
        (31.0, "%", 0, "31%"),
        (1.0, "named calls", 0, "1 named call"),
        (1.0, "taxa", 0, "1 taxon"),
        (1.0, "ms", 0, "1 ms"),
        (12480.0, "segments", 0, "12,480 segments"),
        (-1.25, "dB", 1, "−1.2 dB"),
        (-0.01, "dB", 1, "0.0 dB"),
    ],
)
def test_number_is_printed_with_its_unit(value: float, unit: str, decimals: int, text: str) -> None:
    """Thousands have commas, a minus is a minus, one is singular, and nothing is minus zero."""
    assert printed(quantity(value, unit, decimals)) == text


def test_difference_shows_its_sign() -> None:
    """A difference is a direction as well as an amount."""
    higher, fewer = (
        quantity(640.0, "Hz", 0, "n1.0000:delta:peak_hz"),
        quantity(-1, "onsets", 0, "n1.0000:delta:n_onsets"),
    )
    assert (printed(higher), printed(fewer)) == ("+640 Hz", "−1 onset")


def test_derived_numbers_name_their_items(divided: EvidencePack) -> None:
    """A vote rests on its voters, a difference on both calls, a threshold on nothing but the policy."""
    table = quantities(divided)
    q, n1, n5 = (divided.item_id(key) for key in ("q", "n1", "n5"))
    assert table["vote:Turdus philomelos"].source == (n1, n5)
    assert table[f"{n1}:delta:peak_hz"].source == (q, n1)
    assert (table["policy:near_similarity"].value, table["policy:near_similarity"].source) == (0.70, ())


def test_votes_follow_the_policy(divided: EvidencePack) -> None:
    """A higher threshold leaves fewer near calls to vote."""
    strict = quantities(divided, GroundingPolicy(near_similarity=0.85))
    assert (quantities(divided)["near:named"].value, strict["near:named"].value) == (5, 2)


def test_rate_is_per_unit_of_effort(day: EvidencePack) -> None:
    """42 segments in 12.5 hours are 3.36 an hour."""
    assert printed(quantities(day)[f"{day.item_id('a7')}:rate"]) == "3.36 segments/h"
