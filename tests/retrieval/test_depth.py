"""Depth follows the signal, neighbours count by how near they are, and a vote knows when it is no claim."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rab.domain import SignalQuality
from rab.retrieval.depth import DepthPolicy, Vote, cut, depth, order, settled, vote, weights

POLICY = DepthPolicy()
SIMILARITIES = st.lists(st.floats(-1, 1), min_size=1, max_size=30)


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
    """A call at 25 dB needs twelve witnesses and supports species-level claims."""
    decision = depth(quality(25.0), POLICY)
    assert (decision.k, decision.species_claims_supported) == (12, True)
    assert decision.reasons == ("k 12: SNR 25.0 dB",)


def test_reasons_tell_each_step() -> None:
    """Every step from the clear depth to the final one stands in words."""
    decision = depth(quality(6.0, overlap=0.4, clipped=0.02), POLICY)
    assert decision.reasons == (
        "k 12 → 16: SNR 6.0 dB",
        "k +2: overlap 0.40",
        "k +2: clipped 2.0 %",
    )
    assert decision.k == 20


def test_unmeasured_signal_supports_no_species() -> None:
    """Without a measured SNR the search goes deepest and species-level claims are refused."""
    decision = depth(quality(None), POLICY)
    assert (decision.k, decision.species_claims_supported) == (16, False)
    assert "SNR not measured (no signal)" in decision.reasons[-1]


@given(st.floats(-20, 60), st.floats(-20, 60), st.floats(0, 1), st.floats(0, 1))
def test_depth_never_falls_as_the_signal_gets_worse(snr_a: float, snr_b: float, o_a: float, o_b: float) -> None:
    """Lower SNR and more overlap give at least as many neighbours, and never more than k_max."""
    worse = depth(quality(min(snr_a, snr_b), max(o_a, o_b)), POLICY)
    better = depth(quality(max(snr_a, snr_b), min(o_a, o_b)), POLICY)
    assert better.k <= worse.k <= POLICY.k_max


def test_policy_that_shrinks_is_refused() -> None:
    """A policy whose depth falls as the signal fades is no policy."""
    with pytest.raises(ValidationError, match="grows"):
        DepthPolicy(k_clear=20, k_faint=10)


@given(SIMILARITIES, st.floats(-20, 60) | st.none(), st.floats(1, 100) | st.none())
def test_nearer_neighbours_count_more(similarities: list[float], snr_db: float | None, n: float | None) -> None:
    """The nearest counts 1, all lie between 0 and 1, and among equally clear ones order follows similarity."""
    found = weights(similarities, [20.0] * len(similarities), snr_db, POLICY, n_exemplars=n)
    assert found.max() == 1
    assert (found >= 0).all()
    ranked = np.asarray(similarities)[order(found)]
    assert (np.diff(ranked) <= 1e-12).all()


def test_small_library_counts_far_neighbours() -> None:
    """With three exemplars a label the second neighbour counts for more than with thirty."""
    few, many = (weights([0.9, 0.8], [20.0, 20.0], 20.0, POLICY, n_exemplars=n)[1] for n in (3, 30))
    assert few > 1.5 * many


def test_faint_query_weighs_neighbours_more_alike() -> None:
    """Of a faint call no neighbour is much the nearest."""
    faint, clear = (weights([0.9, 0.8], [snr, snr], snr, POLICY)[1] for snr in (2.0, 30.0))
    assert faint > clear


def test_fainter_neighbour_counts_less() -> None:
    """Of two equally near neighbours the one that is fainter than the query counts less; a clearer one counts full."""
    fainter, clearer, unmeasured = weights([0.8, 0.8, 0.8], [0.0, 40.0, None], 20.0, POLICY)
    assert fainter == pytest.approx(np.exp(-0.3))
    assert (clearer, unmeasured) == (1, 1)


def test_quality_match_reorders() -> None:
    """A clear neighbour goes before a much fainter one that is hardly nearer."""
    found = weights([0.81, 0.80], [-10.0, 30.0], 25.0, POLICY)
    assert order(found).tolist() == [1, 0]


def test_what_no_longer_weighs_is_cut() -> None:
    """Neighbours of less than a tenth of the best's weight are left out, but three are kept."""
    near = weights([0.9, 0.88, 0.87, 0.86, 0.5, 0.49], [20.0] * 6, 20.0, POLICY)
    assert cut(near, 6, POLICY) == 4
    assert cut(near, 2, POLICY) == 2
    assert cut(weights([0.9, 0.3, 0.2, 0.1], [20.0] * 4, 20.0, POLICY), 4, POLICY) == 3
    assert cut(weights([], [], 20.0, POLICY), 5, POLICY) == 0


def test_vote_goes_to_the_weightiest_label() -> None:
    """Two near owls outvote three far finches, and a neighbour without a label weighs against both."""
    weighed = np.array([1.0, 0.9, 0.3, 0.3, 0.3, 0.5])
    found = vote(["owl", "owl", "finch", "finch", "finch", None], weighed, POLICY)
    assert found.label == "owl"
    assert found.share == pytest.approx(1.9 / 4.3, abs=1e-4)
    assert found.n_kept == 6


def test_few_witnesses_convince_less() -> None:
    """Ten unanimous neighbours are more convincing than one."""
    one, ten = (vote(["owl"] * n, np.ones(n), POLICY) for n in (1, 10))
    assert one.confidence < ten.confidence
    alone = settled(depth(quality(25.0), POLICY), [0.9], one, POLICY)
    assert alone.reasons[-1] == "species-level claims not supported: 1 of at least 3 neighbours"
    assert settled(depth(quality(25.0), POLICY), [0.9] * 10, ten, POLICY).species_claims_supported


@given(st.floats(0, 1), st.floats(0, 1))
def test_confidence_grows_with_the_share(a: float, b: float) -> None:
    """A label that holds more of the weight is never less certain."""
    low, high = (vote(["owl", "finch"], np.array([1.0, 1 - part]), POLICY) for part in sorted((a, b)))
    assert low.confidence <= high.confidence


def test_nobody_labelled_is_no_vote() -> None:
    """Neighbours without labels lead nowhere."""
    assert vote([None, None], np.ones(2), POLICY) == Vote(label=None, share=0, confidence=0, n_kept=2)
    assert vote([], np.zeros(0), POLICY).label is None


def test_clear_vote_supports_a_claim() -> None:
    """A unanimous vote of a clear call keeps the claim, and the decision tells what was kept and how sure it is."""
    labels = ["owl"] * 12
    voted = vote(labels, np.ones(12), POLICY)
    decision = settled(depth(quality(25.0), POLICY), [0.9] * 12, voted, POLICY)
    assert decision.species_claims_supported
    assert (decision.k, decision.n_kept, decision.confidence) == (12, 12, voted.confidence)
    assert decision.reasons == ("k 12: SNR 25.0 dB",)


def test_divided_vote_supports_none() -> None:
    """A vote that is divided refuses the claim and says so, after the cut that it followed."""
    voted = vote(["owl", "finch", "owl", "finch"], np.ones(4), POLICY)
    decision = settled(depth(quality(25.0), POLICY), [0.81, 0.8, 0.8, 0.79, 0.62], voted, POLICY)
    assert not decision.species_claims_supported
    assert decision.reasons[1].startswith("cut at 4 of 5: the others (similarity 0.62 at most, the nearest has 0.81)")
    assert "vote" == decision.unsupported_by
    assert decision.reasons[2].startswith(
        "species-level claims not supported: owl holds 0.40 of the neighbours' weight"
    )


def test_unlabelled_neighbours_support_none() -> None:
    """Where no neighbour has a label, that is the reason."""
    voted = vote([None], np.ones(1), POLICY)
    decision = settled(depth(quality(25.0), POLICY), [0.9], voted, POLICY)
    assert decision.reasons[-1] == "species-level claims not supported: no neighbour is labelled"


def test_sure_vote_below_the_floor_supports_none() -> None:
    """Below the floor a unanimous vote changes nothing, and the reason is told once."""
    voted = vote(["owl"] * 12, np.ones(12), POLICY)
    decision = settled(depth(quality(-3.0), POLICY), [0.9] * 12, voted, POLICY)
    assert not decision.species_claims_supported
    assert sum("not supported" in reason for reason in decision.reasons) == 1
