"""What the claims of an interpretation rest on: one function per kind, from the claim back to the pack."""

from rab.domain import (
    MEASURES,
    Claim,
    ClaimKind,
    NeighbourEntry,
    PackItem,
    PrototypeEntry,
    QueryEntry,
    SequenceStep,
    TaxonScoreEntry,
)
from rab.generation.codes import Failure
from rab.generation.needs import Form, Grounds, Needs, unsupported
from rab.generation.quantities import CITED_CALLS, delta_ref, is_visible


def signal_quality(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """The query's quality, with every figure that would not print as zero."""
    query = claim.support[0]
    refs = {f"{query}:snr_db", f"{query}:band_low_hz", f"{query}:band_high_hz"} & grounds.table.keys()
    if len(refs) < 3:
        refs &= {f"{query}:snr_db"}
    shares = (f"{query}:clipped_share", f"{query}:overlap_share")
    refs |= {ref for ref in shares if is_visible(grounds.table[ref])}
    return Needs(frozenset({query}), refs=frozenset(refs))


def resemblance(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """Near calls, few; those that bear another name and lie nearer than all of them are dissent."""
    reading, cited = grounds.reading, _neighbours(grounds, claim)
    if not reading.holds_call:
        return unsupported("the segment holds no call")
    if len(cited) > reading.policy.max_resembling:
        return Failure("E_OVER_CITED", f"a resemblance cites at most {reading.policy.max_resembling} calls")
    if any(one.similarity < reading.policy.near_similarity for one in cited):
        return unsupported("a cited call is not similar enough")
    best = max(one.similarity for one in cited)
    dissent = (
        one
        for one in reading.pack.neighbours
        if claim.taxon is not None
        and one.name is not None
        and one.name.scientific_name != claim.taxon
        and one.similarity > best
    )
    refs = {CITED_CALLS, *(f"{item_id}:similarity" for item_id in claim.support)}
    return Needs(frozenset(claim.support), grounds.ids(dissent), frozenset(refs))


def difference(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """The query and one near call or prototype, and differences between them beyond the resolution."""
    reading = grounds.reading
    others = [one for one in grounds.cited(claim) if isinstance(one, NeighbourEntry | PrototypeEntry)]
    if reading.query is None or len(others) != 1:
        return unsupported("a difference is between the query and one other call")
    other = others[0]
    if not reading.holds_call or other.similarity < reading.policy.near_similarity:
        return unsupported("the cited call is not similar enough to be compared")
    measures = [quantity.ref.rpartition(":")[2] for quantity in claim.quantities]
    if not 1 <= len(measures) <= reading.policy.max_differences:
        return Failure("E_QUANTITY", f"a difference names 1 to {reading.policy.max_differences} descriptors")
    for measure in measures:
        ours = getattr(reading.query.descriptors, measure, None) if measure in MEASURES else None
        theirs = getattr(other.descriptors, measure, None)
        if ours is None or theirs is None or abs(ours - theirs) <= MEASURES[measure].resolution:
            return unsupported(f"{measure} does not differ by more than its resolution")
    refs = frozenset(delta_ref(reading.id_of(other), measure) for measure in measures)
    return Needs(grounds.ids([reading.query, other]), refs=refs)


def cluster_membership(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """The nearest prototype, near enough; a named taxon is the one that most of its members bear."""
    reading, item_id = grounds.reading, claim.support[0]
    prototype = grounds.items[item_id]
    if not isinstance(prototype, PrototypeEntry) or not reading.holds_call:
        return unsupported("there is no call, or no prototype, to compare")
    if any(one.similarity > prototype.similarity for one in reading.pack.prototypes):
        return unsupported("another prototype is nearer")
    if prototype.similarity < reading.policy.near_similarity:
        return unsupported("the prototype is not similar enough")
    refs = {f"{item_id}:similarity", f"{item_id}:members"}
    if claim.taxon is not None:
        counts = {name.scientific_name: name.n_members for name in prototype.names}
        named = counts.pop(claim.taxon)
        if any(named <= other for other in counts.values()):
            return unsupported("the members bear another name at least as often")
        refs.add(f"{item_id}:named:{claim.taxon}")
    return Needs(frozenset({item_id}), refs=frozenset(refs))


def taxon_vote(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """All near calls that bear the name, against all that bear another."""
    reading = grounds.reading
    threshold = reading.policy.near_similarity
    named = [one for one in reading.pack.neighbours if one.name is not None and one.similarity >= threshold]
    for_it = [one for one in named if one.name is not None and one.name.scientific_name == claim.taxon]
    if not for_it or not reading.holds_call:
        return unsupported("no near call bears the name")
    against = [one for one in named if one.name is not None and one.name.scientific_name != claim.taxon]
    return Needs(grounds.ids(for_it), grounds.ids(against), frozenset({f"vote:{claim.taxon}", "near:named"}))


def classifier_score(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """One class of a classifier, against the classes that the same classifier scores higher."""
    entry = grounds.items[claim.support[0]]
    if not isinstance(entry, TaxonScoreEntry):
        return unsupported("the cited item is no score")
    score = entry.score
    if score.raw_score < grounds.reading.policy.candidate_score:
        return unsupported("the raw score is below that of a candidate")
    if score.in_range is False:
        return unsupported("the taxon is not expected there and then")
    higher = (
        one
        for one in grounds.reading.pack.taxon_scores
        if one.score.model == score.model and one.score.raw_score > score.raw_score and one.score.in_range is not False
    )
    support = frozenset({claim.support[0]})
    return Needs(support, grounds.ids(higher), frozenset({f"{claim.support[0]}:raw_score"}))


def conflict(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """All near calls with a name against all candidates, or one model's candidates against the others'."""
    reading = grounds.reading
    if claim.code != reading.disagreement:
        return unsupported("there is no such disagreement")
    if claim.code == "neighbours":
        return Needs(grounds.ids(reading.named), grounds.ids(reading.candidates))
    first, others = reading.by_model
    return Needs(grounds.ids(first), grounds.ids(others))


def sequence_context(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """One step before or after the query that bears the name, or a cluster; the pause is told of the next ones only."""
    step = grounds.items[claim.support[0]]
    if not isinstance(step, SequenceStep) or (claim.taxon is None and step.cluster_id is None):
        return unsupported("the step has neither a name nor a cluster")
    item_id = claim.support[0]
    refs = {f"{item_id}:steps"} | ({f"{item_id}:gap_s"} if abs(step.offset) == 1 else set())
    return Needs(frozenset({item_id}), refs=frozenset(refs))


def novelty(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """The nearest stored call, when even that is not near."""
    reading, item_id = grounds.reading, claim.support[0]
    cited = grounds.items[item_id]
    if not isinstance(cited, NeighbourEntry) or not reading.holds_call:
        return unsupported("there is no call, or no neighbour, to compare")
    highest = max(one.similarity for one in reading.pack.neighbours)
    if cited.similarity < highest or highest >= reading.policy.near_similarity:
        return unsupported("a stored call is nearer than the threshold or than the cited one")
    return Needs(frozenset({item_id}), refs=frozenset({f"{item_id}:similarity", "policy:near_similarity"}))


def abstention(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """A reason that holds, on the items that it is read from."""
    reading = grounds.reading
    if claim.code not in reading.reasons or reading.query is None:
        return unsupported(f"the reason {claim.code} does not hold")
    query = grounds.ids([reading.query])
    match claim.code:
        case "far":
            return Needs(grounds.ids(reading.ranked[:1]))
        case "out_of_range":
            outside = [one for one in reading.pack.taxon_scores if one.score.in_range is False]
            return Needs(grounds.ids(outside))
        case "conflict":
            return Needs(query)
        case "species_unsupported":
            return Needs(query, refs=frozenset({f"{next(iter(query))}:snr_db"} & grounds.table.keys()))
        case _:
            return Needs(query)


def caveat(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """A code that is due, on the items that it is read from."""
    reading = grounds.reading
    if claim.code not in reading.caveats:
        return unsupported(f"the caveat {claim.code} does not hold")
    items: dict[str, tuple[tuple[PackItem, ...], set[str]]] = {
        "single_recording": (reading.near, {"near:recordings"}),
        "unlabelled": (reading.near, set()),
        "model_labels_only": (reading.named, set()),
        "imported_labels": (tuple(one for one in reading.named if one.name and one.name.source == "imported"), set()),
        "flat_similarities": ((*reading.near[:1], *reading.near[-1:]), set()),
        "uncalibrated": (reading.candidates, set()),
        "range_unchecked": (reading.unchecked, set()),
        "no_candidate": (reading.pack.taxon_scores, {"policy:candidate_score"}),
        "out_of_range": (reading.set_aside, {"set_aside:candidates"}),
    }
    cited, refs = items[claim.code]
    ids = grounds.ids(cited)
    if claim.code == "flat_similarities":
        refs = {f"{item_id}:similarity" for item_id in ids}
    return Needs(ids, refs=frozenset(refs))


def _neighbours(grounds: Grounds, claim: Claim) -> list[NeighbourEntry]:
    return [one for one in grounds.cited(claim) if isinstance(one, NeighbourEntry)]


FORMS: dict[ClaimKind, Form] = {
    "signal_quality": Form((QueryEntry,), signal_quality),
    "abstention": Form(
        (QueryEntry, NeighbourEntry, TaxonScoreEntry),
        abstention,
        frozenset(
            {
                "silent",
                "no_signal",
                "no_neighbours",
                "far",
                "species_unsupported",
                "vote_unclear",
                "out_of_range",
                "conflict",
            }
        ),
    ),
    "caveat": Form(
        (NeighbourEntry, TaxonScoreEntry),
        caveat,
        frozenset(
            {
                "single_recording",
                "unlabelled",
                "model_labels_only",
                "imported_labels",
                "flat_similarities",
                "uncalibrated",
                "range_unchecked",
                "no_candidate",
                "out_of_range",
            }
        ),
    ),
    "resemblance": Form((NeighbourEntry,), resemblance, taxon=None),
    "difference": Form((QueryEntry, NeighbourEntry, PrototypeEntry), difference),
    "cluster_membership": Form((PrototypeEntry,), cluster_membership, taxon=None),
    "taxon_vote": Form((NeighbourEntry,), taxon_vote, taxon=True),
    "classifier_score": Form((TaxonScoreEntry,), classifier_score, taxon=True),
    "conflict": Form((NeighbourEntry, TaxonScoreEntry), conflict, frozenset({"neighbours", "models"})),
    "sequence_context": Form((SequenceStep,), sequence_context, taxon=None),
    "novelty": Form((NeighbourEntry,), novelty),
}
"""The kinds of claims of an interpretation."""
