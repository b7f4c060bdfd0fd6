"""From stored calls to what a reranker takes."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from rab.domain import StoredSegment
from rab.retrieval.rerank.base import RerankCandidate


def nodes(
    segments: Sequence[StoredSegment], vectors: Mapping[str, npt.NDArray[np.float32]], similarities: Sequence[float]
) -> list[RerankCandidate]:
    """Return calls as a reranker takes them, each with its cosine to the query (1 for the query itself)."""
    return [
        RerankCandidate(
            vector=vectors[one.segment.id],
            recording_id=one.recording.id,
            channel=one.segment.channel,
            t0_ms=one.segment.t0_ms,
            t1_ms=one.segment.t1_ms,
            snr_db=one.quality.snr_db,
            raw_scores={score.taxon.scientific_name: score.raw_score for score in one.scores},
            cluster_id=one.cluster_id,
            similarity=similarity,
        )
        for one, similarity in zip(segments, similarities, strict=True)
    ]
