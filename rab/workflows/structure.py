"""The structure view: a library as a map of points, written as data for whatever plots it.

Vectors are read twice, a few thousand at a time: 20,000 of them to fit the reduction, then all to be reduced to 50
numbers each. So 100,000 segments need some hundred megabytes, wherever the vectors lie.
"""

import csv
import importlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rab.domain import EmbedderCard, Label, SegmentFilter, StoredSegment, Value
from rab.domain.value import Db, Fraction, Instant, Similarity
from rab.errors import InputError, StorageFailed, Unavailable
from rab.evidence.calls import call_name
from rab.logs import canonical_line
from rab.retrieval.structure import Layout, MapPolicy, Reduction, lay_out, nearest_edges, preservation
from rab.workflows.workspace import Workspace

_CHUNK = 2000
_N_FITTED = 20_000
"""Vectors that principal components are fitted to: 80 MB at 1,024 dimensions."""


class MapPoint(Value):
    """A segment on the map, with what a plot would colour it by."""

    segment_id: str
    x: float
    y: float
    is_landmark: bool
    """Whether the method itself laid it out; the others are placed between landmarks."""
    cluster_id: str | None = None
    name: str | None = None
    """What the call is said to be: by a person, a table, or the classifier."""
    name_source: str | None = None
    label: str | None = None
    """The newest label of a person, else of a table."""
    site: str | None = None
    heard_at: Instant | None = None
    snr_db: Db | None = None
    novelty: Fraction | None = None
    """How unlike the rest of the collection it sounds; None until `rab cluster` has measured it."""


class MapEdge(Value):
    """A landmark and one of the nearest landmarks to it, by cosine in the whole embedding space."""

    from_id: str
    to_id: str
    similarity: Similarity


class StructureMap(Value):
    """A library in two dimensions. Distances on it mean little; who is whose neighbour, what the figures say."""

    space: str
    filter_words: str
    method: str
    seed: int
    n_segments: int
    n_landmarks: int
    n_neighbours: int
    """Of `edges`, `trustworthiness` and `continuity`."""
    n_sampled: int
    """Segments on which the two were measured."""
    trustworthiness: Fraction
    """1 where all neighbours on the map are neighbours by sound (Venna & Kaski 2001)."""
    continuity: Fraction
    """1 where all neighbours by sound are neighbours on the map."""
    points: tuple[MapPoint, ...]
    edges: tuple[MapEdge, ...]


def structure_map(
    workspace: Workspace, *, model: str, where: SegmentFilter = SegmentFilter(), policy: MapPolicy = MapPolicy()
) -> StructureMap:
    """Lay out all matching segments that `model` embedded.

    Raises `InputError` for fewer than three, `Unavailable` where a method is not installed.
    """
    card = workspace.card(model)
    with canonical_line("map", model=model) as line:
        vectors = _Vectors(workspace, card)
        ids = workspace.catalog.segment_ids(card.space, where)
        random = np.random.default_rng(policy.seed)
        fitted = vectors.fetch(_some(ids, _N_FITTED, random))
        if len(fitted) < 3:
            raise InputError(f"a map of {len(fitted)} segments shows nothing", hint="ingest more, or widen --where")
        reduction = Reduction.fit(fitted, policy.n_components)
        del fitted
        reduced = np.concatenate([reduction.apply(vectors.fetch(some)) for some in _chunks(ids)])
        layout = lay_out(reduced, policy)
        landmark_ids = [ids[i] for i in layout.landmarks]
        edges = nearest_edges(vectors.fetch(landmark_ids), policy.n_neighbours)
        sampled = np.sort(random.permutation(len(ids))[: policy.n_sampled])
        kept = preservation(vectors.fetch([ids[i] for i in sampled]), layout.xy[sampled], policy.n_neighbours)
        line.update(n_segments=len(ids), n_landmarks=len(landmark_ids))
    return StructureMap(
        space=card.space,
        filter_words=where.words,
        method=layout.method,
        seed=policy.seed,
        n_segments=len(ids),
        n_landmarks=len(landmark_ids),
        n_neighbours=policy.n_neighbours,
        n_sampled=len(sampled),
        trustworthiness=kept.trustworthiness,
        continuity=kept.continuity,
        points=tuple(_points(workspace, card, where, ids, layout, set(landmark_ids))),
        edges=tuple(
            MapEdge(from_id=landmark_ids[i], to_id=landmark_ids[j], similarity=float(similarity))
            for i, (others, cosines) in enumerate(zip(edges.indices, edges.similarities, strict=True))
            for j, similarity in zip(others, cosines, strict=True)
        ),
    )


def check_map_file(path: Path) -> None:
    """Refuse a file that `write_map` could not write, before minutes are spent on the map.

    Raises `InputError` for an unknown extension, `Unavailable` where Parquet is wanted and pyarrow is not installed.
    """
    if path.suffix.lower() not in _WRITERS:
        raise InputError(f"{path} names no kind of map", hint=f"let it end in {', '.join(_WRITERS)}")
    if path.suffix.lower() == ".parquet":
        _pyarrow()


def write_map(drawn: StructureMap, path: Path) -> None:
    """Write a map as JSON (all of it), CSV or Parquet (its points; Parquet keeps the figures in its metadata).

    Raises as `check_map_file` does, and `StorageFailed` where the file cannot be written.
    """
    check_map_file(path)
    writer = _WRITERS[path.suffix.lower()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer(drawn, path)
    except OSError as error:
        raise StorageFailed(f"{path} cannot be written: {error.strerror}", hint="choose another place") from error


class _Vectors:
    """The vectors of a space, fetched a few thousand at a time."""

    def __init__(self, workspace: Workspace, card: EmbedderCard) -> None:
        self._store = workspace.store(card)
        self._dim = card.dim

    def fetch(self, ids: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return unit vectors float32 [n, dim] in the order of the ids. Raises `StorageFailed` where one is missing."""
        vectors = np.empty((len(ids), self._dim), dtype=np.float32)
        for start in range(0, len(ids), _CHUNK):
            some = ids[start : start + _CHUNK]
            found = self._store.fetch(some)
            missing = next((one for one in some if one not in found), None)
            if missing is not None:
                raise StorageFailed(
                    f"the store holds no vector of segment {missing}", hint="ingest its recording again (`--again`)"
                )
            vectors[start : start + len(some)] = [found[one].vector for one in some]
        return vectors


def _some(ids: Sequence[str], n: int, random: np.random.Generator) -> list[str]:
    return [ids[i] for i in np.sort(random.permutation(len(ids))[:n])]


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))


def _points(
    workspace: Workspace,
    card: EmbedderCard,
    where: SegmentFilter,
    ids: Sequence[str],
    layout: Layout,
    landmarks: set[str],
) -> Iterator[MapPoint]:
    known = workspace.catalog.most_novel(card.space, where, limit=len(ids))
    novelty = {one.segment_id: one.novelty for one in known}
    places = iter(layout.xy.tolist())
    for some in _chunks(ids):
        stored = workspace.catalog.segments(some)
        for segment_id in some:
            x, y = next(places)
            if segment_id in stored:
                point = _point(stored[segment_id], card, x, y, is_landmark=segment_id in landmarks)
                yield point.model_copy(update={"novelty": novelty.get(segment_id)})


def _point(stored: StoredSegment, card: EmbedderCard, x: float, y: float, *, is_landmark: bool) -> MapPoint:
    name = call_name(stored, card.score_threshold)
    label = _label(stored.labels)
    return MapPoint(
        segment_id=stored.segment.id,
        x=round(x, 4),
        y=round(y, 4),
        is_landmark=is_landmark,
        cluster_id=stored.cluster_id,
        name=name and name.scientific_name,
        name_source=name and name.source,
        label=label and label.taxon,
        site=stored.recording.site,
        heard_at=stored.heard_at,
        snr_db=stored.quality.snr_db,
    )


def _label(labels: Sequence[Label]) -> Label | None:
    """Return the newest label of a person, else of a table."""
    order = ("imported", "human")
    said = [one for one in labels if one.source in order and one.kind != "rejection"]
    return max(said, key=lambda one: (order.index(one.source), one.labelled_at), default=None)


def _write_json(drawn: StructureMap, path: Path) -> None:
    path.write_text(drawn.model_dump_json(indent=1), encoding="utf-8")


def _write_csv(drawn: StructureMap, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as text:
        rows = csv.DictWriter(text, fieldnames=list(MapPoint.model_fields))
        rows.writeheader()
        rows.writerows(point.model_dump(mode="json") for point in drawn.points)


def _write_parquet(drawn: StructureMap, path: Path) -> None:
    arrow, parquet = _pyarrow()
    kinds = {"x": arrow.float32(), "y": arrow.float32(), "snr_db": arrow.float32(), "novelty": arrow.float32()}
    kinds |= {"is_landmark": arrow.bool_(), "heard_at": arrow.timestamp("us", tz="UTC")}
    schema = arrow.schema([(name, kinds.get(name, arrow.string())) for name in MapPoint.model_fields])
    facts = drawn.model_dump(mode="json", exclude={"points", "edges"})
    table = arrow.Table.from_pylist([point.model_dump() for point in drawn.points], schema=schema)
    parquet.write_table(table.replace_schema_metadata({"rab": json.dumps(facts)}), path)


def _pyarrow() -> tuple[Any, Any]:
    """Return pyarrow and its Parquet module. Raises `Unavailable`."""
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise Unavailable(
            "Parquet needs pyarrow, which is not installed", hint="pip install 'rab[parquet]', or write map.csv"
        ) from error


_WRITERS = {".json": _write_json, ".csv": _write_csv, ".parquet": _write_parquet}
