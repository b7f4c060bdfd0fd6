"""Models: where two classifiers ran on the same recordings, which detections they share."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from rab.catalog.effort import Listened
from rab.catalog.heard import Heard, columns_sha256
from rab.evidence.summary.rows import Row, Survey, of, over, row


def model_rows(survey: Survey, model: str, other: str, listened: Listened, heard: Heard) -> Iterator[Row]:
    """Yield, of pairs of a taxon and a recording, those that both models detect and those that one alone does.

    Only recordings on which both ran count, and only taxa that both have ever given a score: a model is not asked for
    what it cannot name.
    """
    both_ran = sorted(set(survey.listened.ids) & set(listened.ids))
    if not both_ran:
        return
    taxa = {one.scientific_name: one for one in survey.heard.taxa if one.group != "sound"}
    nameable = sorted(taxa.keys() & {one.scientific_name for one in heard.taxa})
    first, second = (_pairs(one, nameable, both_ran) for one in (survey.heard, heard))
    basis = (
        f"pairs of a taxon and a recording, in {len(both_ran)} recordings on which {model} and {other} both ran, of"
        f" {len(nameable)} taxa that both can name; detections at each model's own threshold"
    )
    parts = {
        "models_shared": (np.intersect1d(first, second), None),
        f"models_alone:{model}": (np.setdiff1d(first, second), model),
        f"models_alone:{other}": (np.setdiff1d(second, first), other),
    }
    n = len(np.union1d(first, second))
    yield row("models_recordings", len(both_ran), "recordings", basis, columns_sha256("\n".join(both_ran)))
    for name, (pairs, key) in parts.items():
        figure = row(name.split(":")[0], len(pairs), "pairs", basis, columns_sha256(pairs))
        yield figure | over(n, "pairs") | ({} if key is None else of(key, key))
    alone = np.setxor1d(first, second) // len(both_ran)
    for number, n_alone in zip(*np.unique(alone, return_counts=True), strict=True):
        taxon = taxa[nameable[number]]
        sha = columns_sha256(np.setxor1d(first, second)[alone == number])
        n_either = int(np.count_nonzero(np.union1d(first, second) // len(both_ran) == number))
        figure = row("models_split", int(n_alone), "recordings", f"{basis}; detected by one of them alone", sha)
        yield figure | of(taxon.scientific_name, taxon.common_name) | over(n_either, "recordings")


def _pairs(heard: Heard, nameable: list[str], both_ran: list[str]) -> npt.NDArray[np.int64]:
    """Return the numbers of the pairs that a model detects: taxon × number of recordings + recording."""
    number = {name: n for n, name in enumerate(nameable)}
    recording = {one: n for n, one in enumerate(both_ran)}
    of_taxon = np.array([number.get(one.scientific_name, -1) for one in heard.taxa] or [-1], dtype=np.int64)
    of_recording = np.array([recording.get(one, -1) for one in heard.recording_ids] or [-1], dtype=np.int64)
    taxon, at = of_taxon[heard.taxon[heard.detected]], of_recording[heard.recording[heard.detected]]
    own = (taxon >= 0) & (at >= 0)
    return np.unique(taxon[own] * len(both_ran) + at[own])
