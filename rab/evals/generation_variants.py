"""Packs made from real ones, so that what must be said of them is known: agreeing evidence, or spoilt in one way.

Reality has too few calls whose neighbours agree, disagree or come from the wrong continent. So the entries of real
packs keep their calls, qualities and shapes, and get other similarities, names and scores.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from rab.domain import (
    AggregateEntry,
    CallName,
    ContrastEntry,
    DepthDecision,
    EvidencePack,
    ExemplarEntry,
    NeighbourEntry,
    SegmentFilter,
    Taxon,
    TaxonScore,
    TaxonScoreEntry,
)
from rab.domain.evidence import Family, NameSource
from rab.evals.generation_packs import LISTENER, Trial, changed

BLACKBIRD, THRUSH, ROBIN = (
    Taxon(scientific_name="Turdus merula", common_name="Eurasian Blackbird"),
    Taxon(scientific_name="Turdus philomelos", common_name="Song Thrush"),
    Taxon(scientific_name="Erithacus rubecula", common_name="European Robin"),
)
EXOTIC_BATS = (
    Taxon(scientific_name="Eptesicus fuscus", common_name="Big Brown Bat"),
    Taxon(scientific_name="Chalinolobus gouldii", common_name="Gould's Wattled Bat"),
    Taxon(scientific_name="Pteropus poliocephalus", common_name="Grey-headed Flying Fox"),
)
MOST_ITEMS = 64
_N_AGREED = 60


def variants(trials: Sequence[Trial], *, seed: int) -> list[Trial]:
    """Return packs made from real ones, each with whether its text must abstain."""
    drawn = np.random.default_rng(seed)
    usable = [one for one in trials if one.output == "interpretation" and len(one.pack.neighbours) >= 4]
    sources = [usable[at] for at in drawn.permutation(len(usable))[:_N_AGREED]]
    found: list[Trial] = []
    for source in sources:
        pack = agreed(source.pack, BLACKBIRD, drawn)
        found += [
            _of(source, "agreed", pack, must_abstain=False),
            _of(source, "divided", divided(pack), must_abstain=None),
            _of(source, "conflict", scored(pack, [(THRUSH, 0.81)]), must_abstain=True),
            _of(source, "unlabelled", unnamed(pack), must_abstain=None),
            _of(source, "bat of another continent", exotic(pack, drawn), must_abstain=True),
            _of(source, "faint", unsupported(pack), must_abstain=True),
            _of(source, "alone", changed(pack, neighbours=(), prototypes=()), must_abstain=True),
            _of(source, "distant", distant(pack), must_abstain=True),
        ]
        found += [_of(source, "64 items", full(pack, usable, drawn), must_abstain=None)]
        found.append(_asked(source, pack, drawn))
    both = [
        one._replace(output="suggestion", name=f"{one.name}, suggestion")
        for one in found
        if one.output == "interpretation"
    ]
    return [*found, *both]


def agreed(pack: EvidencePack, taxon: Taxon, drawn: np.random.Generator) -> EvidencePack:
    """Return a pack of a clear call whose four nearest, of four recordings, a listener names alike, as a model does."""
    assert pack.query is not None
    nearest = np.sort(drawn.uniform(0.74, 0.97, 4))[::-1]
    neighbours = []
    for at, one in enumerate(pack.neighbours):
        call = one.call.model_copy(update={"recording_id": f"{at:064x}"}) if at < 4 else one.call
        similarity = round(float(nearest[at] if at < 4 else drawn.uniform(0.2, 0.6)), 4)
        name = named(taxon) if at < 4 else None
        neighbours.append(
            one.model_copy(update={"call": call, "similarity": similarity, "name": name, "call_types": ()})
        )
    quality = pack.query.quality.model_copy(
        update={
            "snr_db": round(float(drawn.uniform(12, 30)), 2),
            "snr_unmeasured": None,
            "band_low_hz": 1800.0,
            "band_high_hz": 7200.0,
            "silent": False,
        }
    )
    query = pack.query.model_copy(update={"quality": quality, "names": (), "rejected_taxa": (), "novelty": 0.4})
    depth = DepthDecision(k=4, k_base=4, species_claims_supported=True, reasons=("k 4",))
    return scored(changed(pack, query=query, neighbours=tuple(neighbours), depth=depth), [(taxon, 0.78), (ROBIN, 0.12)])


def named(taxon: Taxon, source: NameSource = "human") -> CallName:
    """Return a name that a listener gives."""
    return CallName(scientific_name=taxon.scientific_name, common_name=taxon.common_name, source=source, by=LISTENER)


def scored(pack: EvidencePack, scores: Sequence[tuple[Taxon, float]], *, in_range: bool | None = True) -> EvidencePack:
    """Return a pack with other scores of a classifier."""
    model = pack.models[0].key
    entries = [
        TaxonScoreEntry(
            key=f"t{at}",
            score=TaxonScore(taxon=taxon, logit=0.0, raw_score=raw_score, model=model, in_range=in_range),
        )
        for at, (taxon, raw_score) in enumerate(scores, start=1)
    ]
    return changed(pack, taxon_scores=tuple(entries))


def divided(pack: EvidencePack) -> EvidencePack:
    """Return a pack whose third near call bears another name."""
    return _renamed(pack, lambda at, one: named(THRUSH) if at == 2 else one.name)


def unnamed(pack: EvidencePack) -> EvidencePack:
    """Return a pack in which no near call has a name."""
    return _renamed(pack, lambda _at, _one: None)


def relabelled(pack: EvidencePack, taxon: Taxon) -> EvidencePack:
    """Return a pack with another name in the place of every neighbour's."""
    return _renamed(pack, lambda _at, one: None if one.name is None else named(taxon, one.name.source))


def exotic(pack: EvidencePack, drawn: np.random.Generator) -> EvidencePack:
    """Return a pack whose classifier thinks first of a bat that lives on another continent."""
    bat = EXOTIC_BATS[int(drawn.integers(len(EXOTIC_BATS)))]
    return scored(relabelled(pack, bat), [(bat, 0.88)], in_range=False)


def unsupported(pack: EvidencePack) -> EvidencePack:
    """Return a pack of a call too faint for any name."""
    assert pack.query is not None
    quality = pack.query.quality.model_copy(update={"snr_db": -8.0})
    depth = DepthDecision(k=4, k_base=4, species_claims_supported=False, reasons=("SNR",), unsupported_by="signal")
    return changed(pack, query=pack.query.model_copy(update={"quality": quality}), depth=depth)


def distant(pack: EvidencePack) -> EvidencePack:
    """Return a pack in which nothing is near."""
    neighbours = tuple(one.model_copy(update={"similarity": round(0.6 * one.similarity, 4)}) for one in pack.neighbours)
    return changed(pack, neighbours=neighbours, prototypes=())


def full(pack: EvidencePack, others: Sequence[Trial], drawn: np.random.Generator) -> EvidencePack:
    """Return a pack with as many items as a menu can hold, half of the added neighbours near."""
    pool = [one for other in others for one in other.pack.neighbours]
    missing = MOST_ITEMS - len(pack.items)
    added = []
    for at in range(missing):
        one = pool[int(drawn.integers(len(pool)))]
        names = (named(BLACKBIRD), named(THRUSH), None)
        similarity = round(float(drawn.uniform(0.5, 0.9)), 4)
        fields = {"key": f"n{100 + at}", "similarity": similarity, "name": names[int(drawn.integers(3))]}
        added.append(one.model_copy(update=fields))
    return changed(pack, neighbours=(*pack.neighbours, *added))


def with_distractors(pack: EvidencePack, taxon: Taxon) -> EvidencePack:
    """Return a pack with five more calls of another name, none of them near."""
    far = pack.neighbours[-1]
    added = tuple(
        far.model_copy(update={"key": f"n{200 + at}", "similarity": 0.3 - at / 100, "name": named(taxon)})
        for at in range(5)
    )
    return changed(pack, neighbours=(*pack.neighbours, *added))


def without(pack: EvidencePack, key: str) -> EvidencePack:
    """Return a pack without one of its neighbours."""
    return changed(pack, neighbours=tuple(one for one in pack.neighbours if one.key != key))


def _renamed(pack: EvidencePack, name_of: Callable[[int, NeighbourEntry], CallName | None]) -> EvidencePack:
    neighbours = tuple(one.model_copy(update={"name": name_of(at, one)}) for at, one in enumerate(pack.neighbours))
    return changed(pack, neighbours=neighbours)


def _of(source: Trial, family: str, pack: EvidencePack, *, must_abstain: bool | None) -> Trial:
    name = f"{family}, made of {source.name}"
    return Trial(name, family, pack, "interpretation", source.recording, must_abstain)


_FIGURES = (
    ("contrasts_passed", 1.0, "contrasts", 36.0, "contrasts"),
    ("contrast_here", 3394.0, "Hz", 20.0, "recorder-days"),
    ("contrast_there", 3002.0, "Hz", 60.0, "recorder-days"),
    ("contrast_gap", 392.0, "Hz", None, None),
    ("contrast_gap_low", 355.0, "Hz", None, None),
    ("contrast_gap_high", 428.0, "Hz", None, None),
    ("contrast_least", 100.0, "Hz", None, None),
    ("contrast_shuffles", 0.0, "shuffles", 199.0, "shuffles"),
    ("contrast_contrary", 2.0, "recorder-days", 20.0, "recorder-days"),
    ("beside_here", -59.9, "dBFS", None, None),
    ("beside_there", -60.6, "dBFS", None, None),
)


def _asked(source: Trial, pack: EvidencePack, drawn: np.random.Generator) -> Trial:
    """Return a pack of hypotheses whose calls are those of a real pack, and whose contrast is made."""
    family: Family = "site_contrast" if drawn.random() < 0.5 else "noise_response"
    shift = round(float(drawn.uniform(0, 500)), 1)
    figures = []
    for at, (name, value, unit, over, over_unit) in enumerate(_FIGURES, start=1):
        moved = value + shift if name in ("contrast_here", "contrast_there") else value
        figures.append(
            AggregateEntry(
                key=f"a{at}",
                name=name,
                group=family if name == "contrasts_passed" else "h1",
                value=moved,
                unit=unit,
                decimals=1 if unit == "dBFS" else 0,
                denominator=over,
                denominator_unit=over_unit,
                basis="made for the evaluation",
                rows_sha256="0" * 64,
            )
        )
    contrast = ContrastEntry(
        key="h1",
        family=family,
        direction="more",
        measure="peak_hz",
        unit="recorder-days",
        cluster_id="c1",
        site="Marsh" if family == "site_contrast" else None,
        beside="noise_floor_dbfs",
        where=SegmentFilter(cluster_ids=("c1",)),
        command="rab segments --json --where cluster=c1",
    )
    made = changed(
        pack,
        kind="hypotheses",
        subject="everything",
        query=None,
        depth=None,
        neighbours=(),
        prototypes=(),
        sequence=(),
        followings=(),
        taxon_scores=(),
        contrasts=(contrast,),
        exemplars=tuple(_exemplars(pack.neighbours)),
        aggregates=tuple(figures),
    )
    return Trial(f"hypotheses, made of {source.name}", "hypotheses", made, "hypotheses", source.recording)


def _exemplars(calls: Sequence[NeighbourEntry]) -> Iterator[ExemplarEntry]:
    for at, (one, group) in enumerate(zip(calls, ("here", "there", "contrary"), strict=False), start=1):
        yield ExemplarEntry.model_validate(
            {"key": f"e{at}", "contrast": "h1", "group": group, "call": one.call, "quality": one.quality}
        )
