"""Reranking: an order of candidates that is pure, honest about its cosines, and right where it can be checked."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rab.errors import InputError
from rab.retrieval.rerank import (
    GraphReranker,
    KReciprocal,
    RerankCandidate,
    RerankQuery,
    candidate_graph,
    k_reciprocal,
    rerank,
)
from rab.retrieval.rerank.attention import TIES, ties
from rab.retrieval.rerank.features import FEATURES, features, prediction
from rab.retrieval.rerank.graph import nearest_first


def unit(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), dtype=np.float32)


def candidate(vector: npt.NDArray[np.float32], n: int = 0, **facts: Any) -> RerankCandidate:
    known: dict[str, Any] = {
        "recording_id": f"r{n}",
        "channel": None,
        "t0_ms": 0.0,
        "t1_ms": 3000.0,
        "snr_db": 10.0,
        "raw_scores": {},
        "similarity": 0.5,
    }
    return RerankCandidate(vector=vector, **{**known, **facts})


def query(vector: npt.NDArray[np.float32], **facts: Any) -> RerankQuery:
    one = candidate(vector, recording_id="query", **facts)
    return RerankQuery(
        one.vector, one.recording_id, one.channel, one.t0_ms, one.t1_ms, one.snr_db, one.raw_scores, one.cluster_id
    )


def crowd(seed: int, n: int) -> tuple[RerankQuery, list[RerankCandidate]]:
    """Return a query and n candidates in random directions, with scores and times."""
    drawn = np.random.default_rng(seed)
    vectors = unit(drawn.normal(size=(n + 1, 16)) + 0.5)
    names = ("Parus major", "Turdus merula", "Strix aluco")
    facts: list[dict[str, Any]] = [
        {
            "recording_id": f"r{drawn.integers(4)}",
            "t0_ms": 3000.0 * drawn.integers(20),
            "snr_db": None if drawn.random() < 0.2 else float(drawn.normal(10, 5)),
            "raw_scores": {str(drawn.choice(names)): float(drawn.random())},
        }
        for _ in range(n)
    ]
    own = query(vectors[0], raw_scores={"Parus major": 0.9})
    return own, [candidate(one, **fact) for one, fact in zip(vectors[1:], facts, strict=True)]


def definition(similarity: npt.NDArray[np.float32], k: int) -> list[float]:
    """Return Zhong et al.'s Jaccard similarity to node 0, set by set."""

    def nearest(i: int, n: int) -> set[int]:
        others = sorted((j for j in range(len(similarity)) if j != i), key=lambda j: -similarity[i, j])
        return {i, *others[:n]}

    def mutual(i: int, n: int) -> set[int]:
        return {j for j in nearest(i, n) if i in nearest(j, n)}

    def described(i: int) -> dict[int, float]:
        friends = set(mutual(i, k))
        for j in mutual(i, k):
            closer = mutual(j, k // 2)
            if len(closer & mutual(i, k)) >= 2 / 3 * len(closer):
                friends |= closer
        weights = {j: float(np.exp(2 * similarity[i, j] - 2)) for j in friends}
        return {j: weight / sum(weights.values()) for j, weight in weights.items()}

    own = described(0)
    overlaps = [
        sum(min(own.get(j, 0.0), weight) for j, weight in described(i).items()) for i in range(1, len(similarity))
    ]
    return [overlap / (2 - overlap) for overlap in overlaps]


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 25), k=st.integers(2, 12))
def test_k_reciprocal_follows_its_paper(seed: int, n: int, k: int) -> None:
    """The matrices give what the sets of the paper give."""
    vectors = unit(np.random.default_rng(seed).normal(size=(n + 1, 8)))
    similarity = np.asarray(vectors @ vectors.T)
    np.testing.assert_allclose(k_reciprocal(similarity, k=k), definition(similarity, k), atol=1e-5)


def test_friends_of_the_query_pass_a_hub() -> None:
    """A call that is near everything is nearest by cosine; those that have the query's neighbours come before it."""
    drawn = np.random.default_rng(7)
    own_kind = drawn.normal(size=16)
    kin = [own_kind + 0.8 * drawn.normal(size=16) for _ in range(9)]
    strangers = [drawn.normal(size=16) for _ in range(20)]
    kin_units, stranger_units = unit(np.array(kin)), unit(np.array(strangers))
    own = kin_units[0]
    hub = unit(np.asarray(own * 0.75 + stranger_units.sum(axis=0) * 0.35, dtype=np.float64))
    vectors = [hub, *kin_units[1:], *stranger_units]
    candidates = [candidate(one, n, similarity=float(own @ one)) for n, one in enumerate(vectors)]
    found = rerank(query(own), candidates, KReciprocal(k=6, cosine_weight=0.3))
    by_cosine = sorted(range(len(candidates)), key=lambda i: -candidates[i].similarity)
    assert found.order.index(0) > by_cosine.index(0)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 40))
@pytest.mark.parametrize("model", [KReciprocal(), GraphReranker()], ids=["k_reciprocal", "graph"])
def test_an_order_holds_every_candidate_once(model: KReciprocal | GraphReranker, seed: int, n: int) -> None:
    """Whatever the candidates, each has its place, by falling relevance, and relevance is finite."""
    found = rerank(*crowd(seed, n), model)
    assert list(range(n)) == sorted(found.order)
    assert np.isfinite(found.relevance).all()
    assert [found.relevance[i] for i in found.order] == sorted(found.relevance, reverse=True)


@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("model", [KReciprocal(), GraphReranker()], ids=["k_reciprocal", "graph"])
def test_the_order_given_does_not_matter(model: KReciprocal | GraphReranker, seed: int) -> None:
    """Candidates given in another order have the same relevance."""
    own, candidates = crowd(seed, 30)
    shuffled = np.random.default_rng(seed).permutation(30).tolist()
    before = rerank(own, candidates, model).relevance
    after = rerank(own, [candidates[i] for i in shuffled], model).relevance
    np.testing.assert_allclose([before[i] for i in shuffled], after, atol=1e-3)


def test_vectors_of_two_spaces_are_refused() -> None:
    """Vectors of different length are an error of the caller."""
    with pytest.raises(InputError, match="8, 16 dimensions"):
        rerank(query(unit(np.ones(16))), [candidate(unit(np.ones(8)))], KReciprocal())


def test_edges_know_voice_and_recording() -> None:
    """What follows on one voice is NEXT; the same recording later, or on another voice, is co-occurrence."""
    vector = unit(np.ones(4))
    spans: Sequence[tuple[str, int | None, float]] = [("a", 0, 0), ("a", 0, 3000), ("a", 0, 60_000), ("a", 1, 3000)]
    candidates = [
        candidate(vector, recording_id=name, channel=channel, t0_ms=t0, t1_ms=t0 + 3000) for name, channel, t0 in spans
    ]
    graph = candidate_graph(query(vector), candidates)
    assert [False, False, True, False, False] == graph.follows[1].tolist()
    assert [False, False, False, True, True] == graph.together[1].tolist()


def test_names_below_a_hundredth_say_nothing() -> None:
    """Calls without scores, or with none worth naming, agree with nobody; others by their names."""
    vector = unit(np.ones(4))
    scores: list[dict[str, float]] = [{}, {"Parus major": 0.005}, {"Parus major": 0.6}, {"Strix aluco": 0.9}]
    candidates = [candidate(vector, n, raw_scores=one) for n, one in enumerate(scores)]
    graph = candidate_graph(query(vector, raw_scores={"Parus major": 0.9}), candidates)
    np.testing.assert_allclose([0, 0, 1, 0], graph.agreement[0, 1:], atol=1e-6)
    assert 0.9 == graph.best_score


def test_the_gate_opens_where_names_predict_sound() -> None:
    """Names that go with directions predict sound; the same names dealt at random do not."""
    drawn = np.random.default_rng(3)
    kinds = drawn.integers(3, size=60)
    vectors = unit(np.eye(3)[kinds] @ drawn.normal(size=(3, 16)) + 0.3 * drawn.normal(size=(60, 16)))

    def gate(named: npt.NDArray[np.int64]) -> float:
        nodes = [
            candidate(one, n, raw_scores={str(name): 0.9})
            for n, (one, name) in enumerate(zip(vectors, named, strict=True))
        ]
        return prediction(candidate_graph(nodes[0], nodes[1:]))

    assert gate(kinds) > 0.8
    assert abs(gate(drawn.permutation(kinds))) < 0.2


def test_features_stand_on_one_scale() -> None:
    """Every ungated feature has mean 0 and deviation 1 over the candidates, or is 0 throughout."""
    columns = features(candidate_graph(*crowd(1, 40)))
    assert (40, len(FEATURES)) == columns.shape
    ungated = [at for at, name in enumerate(FEATURES) if "_where_" not in name]
    np.testing.assert_allclose(0, columns[:, ungated].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(1, columns[:, ungated].std(axis=0), atol=1e-6)


def test_ties_begin_with_what_is_next() -> None:
    """A candidate hears first from the one after it on its voice, however unlike the two sound; never from itself."""
    own, candidates = crowd(5, 30)
    opposite = candidate(-candidates[0].vector, recording_id="x", t0_ms=0.0, t1_ms=3000.0)
    after = candidate(candidates[0].vector, recording_id="x", t0_ms=3000.0, t1_ms=6000.0)
    found = ties(candidate_graph(own, [*candidates, opposite, after]))
    assert 31 == found.fellows[30, 0]
    assert 1.0 == found.columns[30, 0, TIES.index("next")]
    assert not (found.fellows == np.arange(32)[:, None]).any()


@given(seed=st.integers(0, 2**32 - 1), m=st.integers(0, 15), k=st.integers(0, 20))
def test_nearest_first_is_a_sort(seed: int, m: int, k: int) -> None:
    """The columns are those of a whole sort, cut off."""
    values = np.random.default_rng(seed).normal(size=(m, m)).astype(np.float32)
    np.testing.assert_array_equal(np.argsort(-values, axis=1)[:, :k], nearest_first(values, k))


def test_a_reranker_says_what_it_is() -> None:
    """Its words name the version, the day and the material; untrained ones say so."""
    learned = GraphReranker(source="labels", n_segments=412, trained_on=date(2026, 11, 21), version=3)
    assert learned.words.startswith("reranker v3 (trained 2026-11-21 on 412 labelled segments; k-reciprocal agreement")
    assert "untrained" in GraphReranker().words
    assert "k-reciprocal agreement (k 10, cosine weight 0.5), untrained" == KReciprocal().words


def test_a_reranker_survives_json() -> None:
    """What is kept as JSON ranks as before."""
    learned = GraphReranker().with_parameters(np.linspace(-1, 1, len(GraphReranker().parameters)))
    kept = GraphReranker.model_validate_json(learned.model_dump_json())
    assert rerank(*crowd(2, 20), learned) == rerank(*crowd(2, 20), kept)


def test_unknown_weights_are_refused() -> None:
    """A weight of a feature that does not exist is not passed over."""
    with pytest.raises(ValidationError, match="no such weight: loudness"):
        GraphReranker(feature_weights={"loudness": 1.0})
