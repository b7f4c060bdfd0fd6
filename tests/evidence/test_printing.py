"""A pack as words shows everything that may be cited, under the id by which it is cited."""

import pytest

from rab.domain import EvidencePack, SegmentFilter
from rab.evidence.printing import pack_words
from rab.workflows.questions import evidence
from rab.workflows.summaries import summarise
from rab.workflows.workspace import Workspace

MODEL = "birdnet-v2.4"


@pytest.fixture(scope="module")
def packs(library: Workspace) -> list[EvidencePack]:
    """Return the packs of some calls, and the one of the summary."""
    ids = library.catalog.segment_ids(library.card(MODEL).space, SegmentFilter())
    return [*(evidence(library, segment) for segment in ids[::10]), summarise(library, model=MODEL).pack]


def test_every_item_is_printed_under_its_id(packs: list[EvidencePack]) -> None:
    """Each citable id begins a line of its own."""
    for pack in packs:
        words = [line.split() for line in pack_words(pack).splitlines() if line.strip()]
        assert pack.items.keys() <= {line[0] for line in words}


def test_printed_pack_names_itself_and_its_terms(packs: list[EvidencePack]) -> None:
    """The pack's id, what was searched and the models' licences are printed."""
    for pack in packs:
        words = pack_words(pack)
        assert words.startswith(f"Evidence Pack {pack.pack_id}\n")
        assert f"searched: {pack.library.n_segments} segments of" in words
        assert all(f"{model.key}  {model.licence}" in words for model in pack.models)


def test_no_placeholder_is_printed(packs: list[EvidencePack]) -> None:
    """What was not measured is said in words."""
    for pack in packs:
        assert not {"None", "nan", "inf"} & set(pack_words(pack).replace(",", " ").replace(";", " ").split())
