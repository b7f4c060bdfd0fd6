"""Sequences and drift of a real library: read in order, grouped, and said in words."""

from datetime import UTC, datetime

import numpy as np
import pytest

from rab.catalog import OrderedSegment
from rab.domain import SegmentFilter
from rab.domain.sequence import Alphabet, Motif, MotifInstance
from rab.errors import InputError
from rab.retrieval.drift import RecorderDrift, daily_figure
from rab.workflows.drift import drift_sentences, recorder_drift
from rab.workflows.sequences import (
    bouts_of,
    entropies_of,
    following,
    motif_agreement,
    motifs_of,
    policy_for,
    read_sequences,
    sequences_of,
    transitions_of,
)
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"


def test_rows_become_columns() -> None:
    """Recordings, voices, symbols and groups are numbered in the order in which they come."""
    rows = [
        OrderedSegment("s0", "r0", 0, 0, 3000, "c1", "A", None),
        OrderedSegment("s1", "r0", 1, 0, 3000, None, "A", None),
        OrderedSegment("s2", "r1", None, 0, 3000, "c2", "B", None),
        OrderedSegment("s3", "r1", None, 3000, 6000, "c1", "B", None),
    ]
    found = sequences_of(iter(rows), group_by="site")
    assert ([0, 0, 1, 1], [0, 1, -1, -1]) == (found.recording.tolist(), found.channel.tolist())
    assert 3 == len(set(found.voice.tolist()))
    assert ([0, -1, 1, 0], ("c1", "c2")) == (found.symbol.tolist(), found.alphabet)
    assert {"A": 2, "B": 2} == {name: len(own) for name, own in found.by_group().items()}
    assert 0 == len(sequences_of(iter([])))


@pytest.mark.parametrize("by", ["cluster", "taxon"])
def test_real_library_is_read_in_order(library: Workspace, by: str) -> None:
    """Every segment comes once, in the catalog's order, with the cluster or the best taxon that the catalog keeps."""
    card = library.card(MODEL)
    stored = library.catalog.list_segments(card.space, SegmentFilter())
    found = read_sequences(library, model=MODEL, by=by)  # type: ignore[arg-type]
    assert [one.segment.id for one in stored] == list(found.segment_ids)
    symbols = [None if i < 0 else found.alphabet[i] for i in found.symbol.tolist()]
    if by == "cluster":
        assert [one.cluster_id for one in stored] == symbols
    else:
        assert all(
            name is None or name in {score.taxon.scientific_name for score in one.scores}
            for one, name in zip(stored, symbols, strict=True)
        )
    policy = policy_for(library, MODEL)
    criterion, bouts = bouts_of(found, policy)
    assert criterion.gap_ms > 0
    assert {one for bout in bouts for one in bout.segment_ids} <= set(found.segment_ids)
    (table,) = transitions_of(found, policy)
    assert table.n_links == sum(one.n for one in table.transitions)
    assert 1 == len(motifs_of(found, policy))
    assert len(entropies_of(found, policy)) <= 1
    assert following(found, "nobody") is None


def test_nothing_to_order_is_an_error(library: Workspace) -> None:
    """A library without labels has no sequence of labels, and says what to do."""
    with pytest.raises(InputError, match="has a label"):
        read_sequences(library, model=MODEL, by="label")


@pytest.mark.parametrize("by", ["cluster", "taxon", "label"])
def test_a_filter_that_nothing_matches_is_named_as_such(library: Workspace, by: Alphabet) -> None:
    """Where no segment matches, the next step is a wider filter and not another clustering."""
    with pytest.raises(InputError, match="no segment matches") as refused:
        read_sequences(library, model=MODEL, where=SegmentFilter(sites=("nowhere",)), by=by)
    assert "widen --where" == refused.value.hint


def test_sound_of_instances_is_compared(library: Workspace) -> None:
    """A motif whose instances are the same segments sounds perfectly alike."""
    found = read_sequences(library, model=MODEL)
    own = np.flatnonzero(found.symbol >= 0)
    ids = (found.segment_ids[int(own[0])],)
    instance = MotifInstance(recording_id="r", t0_ms=0, t1_ms=1, segment_ids=ids)
    motif = Motif(
        symbols=(found.alphabet[int(found.symbol[own[0]])],),
        n=2,
        n_recordings=1,
        n_by_chance=0,
        p_shuffles=1,
        p_value=1,
        q_value=1,
        instances=(instance, instance),
    )
    alike = motif_agreement(library, found, motif)
    assert alike is not None
    assert alike.among_instances_db < 0.1 < alike.to_random_db


def test_recorders_of_a_real_library(library: Workspace) -> None:
    """Every dated segment belongs to one recorder and one day; recorders with few days say so."""
    dated = [one for one in library.catalog.list_segments(library.card(MODEL).space, SegmentFilter()) if one.heard_at]
    found = recorder_drift(library, model=MODEL)
    assert len(dated) == sum(one.n_segments for one in found)
    assert all(" fewer than the 8" in drift_sentences(one)[0] for one in found if one.n_days < 8)
    with pytest.raises(InputError, match="no segment matches"):
        recorder_drift(library, model=MODEL, where=SegmentFilter(heard_before=datetime(1900, 1, 1, tzinfo=UTC)))


def test_change_is_said_in_words() -> None:
    """The sentence has figure, size, unit, date, p and days; without a change it says that."""
    dates = [f"2026-05-{day:02d}" for day in range(2, 23)]
    noise_db = np.random.default_rng(0).normal(-60, 0.5, 21)
    steady = daily_figure("snr_db", dates, np.random.default_rng(1).normal(10, 1, 21))
    noise_db[12:] += 6.1
    moved = daily_figure("noise_floor_dbfs", dates, noise_db)
    drift = RecorderDrift(site="A", serial="1", n_days=21, n_segments=100, figures=(moved, steady))
    (sentence,) = drift_sentences(drift)
    assert "noise floor rose by 5.9 dB on 2026-05-14 (p 0.002, 12 days before, 9 after)" == sentence
    assert ["no change in 21 days"] == drift_sentences(drift.model_copy(update={"figures": (steady,)}))
