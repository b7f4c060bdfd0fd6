"""Structure view: a library laid out in two dimensions, and figures for how far the picture may be believed.

t-SNE (van der Maaten & Hinton 2008) of a hundred thousand segments takes hours and gigabytes. So it lays out landmarks
alone, up to 3,000 of them, chosen by the seeding of k-means++ (Arthur & Vassilvitskii 2007), which reaches rare sounds
that a random choice leaves out; every other segment is placed among its nearest landmarks.

Every such map shows neighbours that are none and parts what belongs together. Trustworthiness falls with the first and
continuity with the second (Venna & Kaski 2001); both are measured on a sample of all segments, against cosine in the
whole embedding space, and travel with the map.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rab.domain import Value
from rab.errors import InputError, Unavailable

Points = npt.NDArray[np.float32]
Whole = npt.NDArray[np.intp]

_BLOCK = 2048
"""Rows compared at once: with 3,000 landmarks 25 MB."""


class MapPolicy(Value):
    """How a map is drawn."""

    method: Literal["t-sne", "umap"] = "t-sne"
    n_landmarks: int = Field(default=3000, ge=10)
    n_components: int = Field(default=50, ge=2)
    """Principal components that distances are taken in."""
    n_neighbours: int = Field(default=10, ge=1)
    """Neighbours whose keeping is measured, and edges of each landmark."""
    n_anchors: int = Field(default=3, ge=1)
    """Landmarks between which a segment is placed."""
    perplexity: float = Field(default=30.0, gt=1)
    n_sampled: int = Field(default=2000, ge=10)
    """Segments on which trustworthiness and continuity are measured."""
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Reduction:
    """Principal components of some vectors: mean [dim] and basis [n_components, dim], both float32."""

    mean: Points
    basis: Points

    @classmethod
    def fit(cls, vectors: Points, n_components: int) -> "Reduction":
        """Fit to vectors [n, dim]; there are fewer components than asked for where n or dim is smaller."""
        mean = vectors.mean(axis=0, dtype=np.float64)
        centred = vectors - mean
        _, basis = np.linalg.eigh(centred.T @ centred)  # ascending
        n = min(n_components, *vectors.shape)
        return cls(mean.astype(np.float32), np.ascontiguousarray(basis[:, ::-1].T[:n], dtype=np.float32))

    def apply(self, vectors: Points) -> Points:
        """Return vectors [n, dim] as float32 [n, n_components]."""
        return np.asarray((vectors - self.mean) @ self.basis.T, dtype=np.float32)


class Layout(NamedTuple):
    """Where segments lie on a map, and which of them are its landmarks."""

    xy: Points
    """float32 [n, 2]."""
    landmarks: Whole
    """Ascending indices [m]."""
    method: str
    """Algorithm, version and parameters in one line."""


class Edges(NamedTuple):
    """The nearest neighbours of each of m points: indices [m, k] and cosine similarities float32 [m, k], best first."""

    indices: Whole
    similarities: Points


class Preservation(NamedTuple):
    """How a map keeps neighbourhoods, 0–1, up is good."""

    trustworthiness: float
    continuity: float


def lay_out(reduced: Points, policy: MapPolicy = MapPolicy()) -> Layout:
    """Lay points [n, n_components] out in two dimensions.

    Raises `InputError` for fewer than three points, `Unavailable` where UMAP is asked for and not installed.
    """
    if len(reduced) < 3:
        raise InputError(f"a map of {len(reduced)} segments shows nothing", hint="ingest more, or widen --where")
    landmarks = choose_landmarks(reduced, policy.n_landmarks, seed=policy.seed)
    flat, words = (_umap if policy.method == "umap" else _tsne)(reduced[landmarks], policy)
    xy = flat
    if len(landmarks) < len(reduced):
        xy = _placed(reduced, reduced[landmarks], flat, policy.n_anchors)
        xy[landmarks] = flat
        words += f"; {len(landmarks)} landmarks by k-means++, the others placed between {policy.n_anchors}"
    return Layout(xy, landmarks, f"PCA {reduced.shape[1]}, {words}, seed {policy.seed}")


def choose_landmarks(reduced: Points, n: int, *, seed: int = 0) -> Whole:
    """Return up to n ascending indices, spread over the points: each is drawn by its squared distance to those before.

    Drawn from ten times as many points at most, taken evenly. Points that all lie on landmarks give fewer.
    """
    if len(reduced) <= n:
        return np.arange(len(reduced))
    random = np.random.default_rng(seed)
    pool = np.sort(random.permutation(len(reduced))[: 10 * n])
    points = reduced[pool].astype(np.float32)
    squares = np.einsum("ij,ij->i", points, points)
    nearest = np.full(len(pool), np.inf, dtype=np.float32)
    chosen = [int(random.integers(len(pool)))]
    while len(chosen) < n:
        last = chosen[-1]
        nearest = np.minimum(nearest, np.maximum(squares + squares[last] - 2 * (points @ points[last]), 0))
        nearest[last] = 0
        sums = np.cumsum(nearest, dtype=np.float64)
        if sums[-1] <= 1e-9:
            break
        chosen.append(int(np.searchsorted(sums, random.random() * sums[-1], side="right")))
    return np.sort(pool[np.array(sorted(set(chosen)))])


def nearest_edges(unit: Points, n_neighbours: int) -> Edges:
    """Return the nearest other rows of each of the unit vectors [m, dim], by cosine; fewer where m is small."""
    k = min(n_neighbours, len(unit) - 1)
    indices, similarities = np.empty((len(unit), k), dtype=np.intp), np.empty((len(unit), k), dtype=np.float32)
    for rows in _blocks(len(unit)):
        cosines = unit[rows] @ unit.T
        cosines[np.arange(len(cosines)), np.arange(len(unit))[rows]] = -np.inf
        best = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
        indices[rows] = best
        similarities[rows] = np.take_along_axis(cosines, best, axis=1)
    return Edges(indices, np.clip(similarities, -1, 1))


def preservation(unit: Points, xy: Points, n_neighbours: int) -> Preservation:
    """Return trustworthiness and continuity (Venna & Kaski 2001) of a map of unit vectors [n, dim] at [n, 2].

    Nearness is cosine in the embedding space and Euclidean on the map. `n_neighbours` is lowered to what n allows
    (below n / 2). Memory grows with n²: give a sample of some thousands.
    """
    n = len(unit)
    k = max(1, min(n_neighbours, (n - 1) // 2))
    apart = -(unit @ unit.T).astype(np.float64)
    squares = np.square(xy.astype(np.float64)).sum(axis=1)
    on_map = squares[:, None] + squares[None] - 2 * (xy.astype(np.float64) @ xy.T.astype(np.float64))
    return Preservation(_kept(_ranks(apart), _ranks(on_map), k), _kept(_ranks(on_map), _ranks(apart), k))


def _kept(true_ranks: Whole, shown_ranks: Whole, k: int) -> float:
    """Return 1 less the normalised ranks by which the k shown neighbours miss being the k true ones."""
    n = len(true_ranks)
    intruders = (shown_ranks <= k) & (shown_ranks > 0) & (true_ranks > k)
    excess = int((true_ranks[intruders] - k).sum())
    return float(1 - 2 * excess / (n * k * (2 * n - 3 * k - 1)))


def _ranks(distances: npt.NDArray[np.float64]) -> Whole:
    """Return the rank of every point from every other, 1 the nearest; 0 from itself."""
    n = len(distances)
    np.fill_diagonal(distances, -np.inf)
    order = np.argsort(distances, axis=1, kind="stable")
    ranks = np.empty((n, n), dtype=np.intp)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(n), (n, n)), axis=1)
    return ranks


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, n, _BLOCK))


def _tsne(points: Points, policy: MapPolicy) -> tuple[Points, str]:
    import sklearn
    from sklearn.manifold import TSNE

    perplexity = min(policy.perplexity, max(1.0, (len(points) - 1) / 3))
    words = f"scikit-learn {sklearn.__version__} t-SNE, perplexity {perplexity:g}"
    start = np.zeros((len(points), 2), dtype=np.float32)
    first_two = points[:, :2]
    start[:, : first_two.shape[1]] = first_two / max(float(first_two[:, 0].std()), 1e-12) * 1e-4
    fitted = TSNE(perplexity=perplexity, init=start, learning_rate="auto", random_state=policy.seed)
    return np.asarray(fitted.fit_transform(points), dtype=np.float32), words


def _umap(points: Points, policy: MapPolicy) -> tuple[Points, str]:
    try:
        umap: Any = importlib.import_module("umap")
    except ImportError as error:
        raise Unavailable(
            "UMAP is not installed", hint="pip install 'rab[map]', or draw the map with --method t-sne"
        ) from error
    n = min(15, len(points) - 1)
    fitted = umap.UMAP(n_neighbors=n, random_state=policy.seed, n_jobs=1).fit_transform(points)
    return np.asarray(fitted, dtype=np.float32), f"umap-learn {umap.__version__}, {n} neighbours"


def _placed(reduced: Points, anchors: Points, flat: Points, k: int) -> Points:
    """Return places [n, 2]: the mean of the k nearest anchors' places, weighted by the inverse of squared distance."""
    xy = np.empty((len(reduced), 2), dtype=np.float32)
    squares = np.einsum("ij,ij->i", anchors, anchors)
    for rows in _blocks(len(reduced)):
        points = reduced[rows]
        apart = np.maximum(squares - 2 * (points @ anchors.T) + np.einsum("ij,ij->i", points, points)[:, None], 0)
        near = np.argpartition(apart, min(k, len(anchors)) - 1, axis=1)[:, :k]
        weights = 1 / np.maximum(np.take_along_axis(apart, near, axis=1), 1e-6)
        weights /= weights.sum(axis=1, keepdims=True)
        xy[rows] = np.einsum("ij,ijk->ik", weights, flat[near])
    return xy
