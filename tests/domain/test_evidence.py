"""A pack is known by its content, and cannot be changed unnoticed."""

import pytest
from pydantic import ValidationError

from rab.domain import AggregateEntry, EvidencePack, LibraryFacts, TaxonScore, TaxonScoreEntry
from rab.domain.taxon import Taxon


@pytest.fixture
def pack() -> EvidencePack:
    score = TaxonScore(
        taxon=Taxon(scientific_name="Turdus merula", common_name="Eurasian Blackbird"),
        logit=1.0,
        raw_score=0.731,
        model="toy-v1",
    )
    return EvidencePack(
        kind="segment",
        subject="0" * 32,
        library=LibraryFacts(space="toy", n_segments=1, n_recordings=1, n_sites=0, filter_words="everything"),
        models=(),
        taxon_scores=(TaxonScoreEntry(key="t1", score=score),),
    )


def test_printed_pack_comes_back_with_its_id(pack: EvidencePack) -> None:
    """JSON carries the id, and reading it gives an equal pack."""
    again = EvidencePack.model_validate_json(pack.model_dump_json())
    assert (again.pack_id, again.taxon_scores) == (pack.pack_id, pack.taxon_scores)


def test_changed_pack_is_refused(pack: EvidencePack) -> None:
    """A figure changed in a printed pack breaks its seal."""
    forged = pack.model_dump_json().replace("0.731", "0.931")
    with pytest.raises(ValidationError, match="changed after it was sealed"):
        EvidencePack.model_validate_json(forged)


def test_thumbnails_do_not_change_the_id(pack: EvidencePack) -> None:
    """A picture's bytes depend on the machine that drew it, so they stay outside of the seal."""
    assert pack.model_copy(update={"thumbnails": {"q": "AAAA"}}).pack_id == pack.pack_id


def test_items_carry_the_salt(pack: EvidencePack) -> None:
    """Every entry is cited under its key and the first four characters of the pack's id."""
    assert list(pack.items) == [f"t1.{pack.pack_id[:4]}"]


def test_exemplars_and_their_figures_match() -> None:
    """A raw score without its call is refused."""
    with pytest.raises(ValidationError, match="1 figures stand beside 0 exemplars"):
        AggregateEntry(
            key="a1",
            name="detections",
            value=1,
            unit="segments",
            basis="counted",
            rows_sha256="0" * 64,
            exemplar_raw_scores=(0.9,),
        )
