"""Depth grows as the signal fades, and says why."""

from hypothesis import given
from hypothesis import strategies as st

from rab.domain import SignalQuality
from rab.retrieval.depth import DepthPolicy, depth


def quality(snr_db: float | None = 20.0, overlap: float = 0.0, clipped: float = 0.0) -> SignalQuality:
    return SignalQuality(
        snr_db=snr_db,
        snr_unmeasured="no_signal" if snr_db is None else None,
        band_low_hz=None,
        band_high_hz=None,
        noise_floor_dbfs=-60.0,
        peak_dbfs=-20.0,
        clipped_fraction=clipped,
        overlap_fraction=overlap,
        rain=False,
        wind=False,
        silent=False,
    )


def test_clear_call_asks_for_the_fewest_neighbours() -> None:
    """A call at 25 dB needs three witnesses and supports species-level claims."""
    decision = depth(quality(25.0), DepthPolicy())
    assert (decision.k, decision.species_claims_supported) == (3, True)
    assert decision.reasons == ("k 3: SNR 25.0 dB",)


def test_reasons_tell_each_step() -> None:
    """Every step from the clear depth to the final one stands in words."""
    decision = depth(quality(3.0, overlap=0.4, clipped=0.02), DepthPolicy())
    assert decision.reasons == ("k 3 → 9: SNR 3.0 dB", "k +2: overlap 0.40", "k +2: clipped 2.0 %")
    assert decision.k == 13


def test_unmeasured_signal_supports_no_species() -> None:
    """Without a measured SNR the search goes deepest and species-level claims are refused."""
    decision = depth(quality(None), DepthPolicy())
    assert (decision.k, decision.species_claims_supported) == (10, False)
    assert "SNR not measured (no signal)" in decision.reasons[-1]


@given(st.floats(-20, 60), st.floats(-20, 60), st.floats(0, 1), st.floats(0, 1))
def test_depth_never_falls_as_the_signal_gets_worse(snr_a: float, snr_b: float, o_a: float, o_b: float) -> None:
    """Lower SNR and more overlap give at least as many neighbours, and never more than k_max."""
    worse = depth(quality(min(snr_a, snr_b), max(o_a, o_b)), DepthPolicy())
    better = depth(quality(max(snr_a, snr_b), min(o_a, o_b)), DepthPolicy())
    assert better.k <= worse.k <= DepthPolicy().k_max
