"""What the claims of an interpretation rest on: one function per kind, from the claim back to the pack."""

from rab.domain import (
    MEASURES,
    Claim,
    ClaimKind,
    FollowingEntry,
    NeighbourEntry,
    PackItem,
    PrototypeEntry,
    QueryEntry,
    SequenceStep,
    TaxonScoreEntry,
)
from rab.generation.codes import Failure
from rab.generation.needs.base import Form, Grounds, Needs, labels_of, unsupported
from rab.generation.reading.quantities import CITED_CALLS, FOLLOWING, delta_ref, is_visible


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
    """The nearest prototype, near enough; a named taxon is the one that most of its members bear.

    With a code it says where the call itself was placed: in that prototype's cluster, elsewhere, or in none.
    """
    reading, query = grounds.reading, grounds.reading.query
    if not reading.holds_call or query is None:
        return unsupported("there is no call to place")
    if claim.code in ("unassigned", "elsewhere"):
        return _placement(claim, grounds)
    prototypes = [one for one in grounds.cited(claim) if isinstance(one, PrototypeEntry)]
    if len(prototypes) != 1:
        return unsupported("there is no prototype, or more than one, to compare")
    prototype = prototypes[0]
    item_id = reading.id_of(prototype)
    if (claim.code == "own") != (prototype.cluster_id == query.cluster_id):
        return unsupported("the call and the prototype are said to be of one cluster, or of two, and are not")
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
    support = {item_id, reading.id_of(query)} if claim.code == "own" else {item_id}
    return Needs(frozenset(support), refs=frozenset(refs))


def _placement(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """The query alone: in no cluster, or in another than that of the nearest prototype."""
    reading, query = grounds.reading, grounds.reading.query
    if query is None or not query.is_placed or claim.taxon is not None:
        return unsupported("no clustering has placed the call, or a name is given to where it lies")
    if (claim.code == "unassigned") != (query.cluster_id is None):
        return unsupported("the call lies in a cluster, or in none, and the other is said")
    nearest = reading.nearest_prototype
    if claim.code == "elsewhere" and nearest is not None and nearest.cluster_id == query.cluster_id:
        return unsupported("the nearest prototype is that of the call's own cluster")
    return Needs(grounds.ids([query]))


def call_type(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """All near calls that bear a type, and whether they stand between the clusters that the query stands in."""
    reading, cited = grounds.reading, _neighbours(grounds, claim)
    threshold = reading.policy.near_similarity
    near = [one for one in reading.pack.neighbours if one.similarity >= threshold]
    if not reading.holds_call or not cited or not labels_of(cited, near):
        return unsupported("no type of call is that of the cited calls, and of no other")
    if (claim.code == "same_position") != all(one.is_in_same_position for one in cited):
        return unsupported("their place in the sequence is that of the call, or another, and the other is said")
    return Needs(grounds.ids(cited), refs=frozenset({CITED_CALLS}))


def usual_sequence(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """The query, and a finding of its own cluster that chance does not explain, from several recordings."""
    reading = grounds.reading
    entries = [one for one in grounds.cited(claim) if isinstance(one, FollowingEntry)]
    if reading.query is None or not reading.holds_call or len(entries) != 1:
        return unsupported("it takes a call, and one finding of its cluster")
    entry = entries[0]
    if entry.cluster_id != reading.query.cluster_id or entry.other_id == entry.cluster_id:
        return unsupported("the finding is not of the cluster that the call lies in")
    if entry.q_value > reading.policy.max_following_q or entry.n_recordings < reading.policy.min_recordings:
        return unsupported("chance may do as much, or it was heard in too few recordings")
    item_id = reading.id_of(entry)
    return Needs(grounds.ids([reading.query, entry]), refs=frozenset(f"{item_id}:{name}" for name in FOLLOWING))


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
    rejected = grounds.reading.query.rejected_taxa if grounds.reading.query else ()
    if claim.taxon in rejected:
        return unsupported("a listener rejected the taxon for this call")
    higher = (
        one
        for one in grounds.reading.pack.taxon_scores
        if one.score.model == score.model
        and one.score.raw_score > score.raw_score
        and one.score.in_range is not False
        and one.score.taxon.scientific_name not in rejected
    )
    support = frozenset({claim.support[0]})
    refs = {f"{claim.support[0]}:raw_score"}
    calibration = entry.calibration
    if _is_calibrated(entry, grounds) and calibration is not None:
        names = ["probability", "probability_low", "probability_high", "calibration_labels"]
        names += ["calibration_taxa"] if calibration.pooled_taxa is not None else []
        refs |= {f"{claim.support[0]}:{name}" for name in names}
    return Needs(support, grounds.ids(higher), frozenset(refs))


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
    """The nearest stored call, when even that is not near; or the call itself, by its rank in the library."""
    if claim.code == "rank":
        return _rank(grounds)
    reading, item_id = grounds.reading, claim.support[0]
    cited = grounds.items[item_id]
    if not isinstance(cited, NeighbourEntry) or not reading.holds_call:
        return unsupported("there is no call, or no neighbour, to compare")
    highest = max(one.similarity for one in reading.pack.neighbours)
    if cited.similarity < highest or highest >= reading.policy.near_similarity:
        return unsupported("a stored call is nearer than the threshold or than the cited one")
    return Needs(frozenset({item_id}), refs=frozenset({f"{item_id}:similarity", "policy:near_similarity"}))


def _rank(grounds: Grounds) -> Needs | Failure:
    reading, query = grounds.reading, grounds.reading.query
    if query is None or not reading.holds_call or query.novelty is None or query.novelty < reading.policy.novel_from:
        return unsupported("the call does not lie far out, or nobody measured it")
    item_id = reading.id_of(query)
    return Needs(frozenset({item_id}), refs=frozenset({f"{item_id}:less_far_share"}))


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
        "model_labels_only": (
            reading.named,
            {"near:model_named", "near:named", "labelled:recordings"} & grounds.table.keys(),
        ),
        "imported_labels": (reading.named, {"near:imported", "near:named"}),
        "flat_similarities": ((*reading.near[:1], *reading.near[-1:]), set()),
        "uncalibrated": (_uncalibrated(grounds), set()),
        "range_unchecked": (reading.unchecked, set()),
        "no_candidate": (reading.pack.taxon_scores, {"policy:candidate_score"}),
        "out_of_range": (reading.set_aside, {"set_aside:candidates"}),
    }
    cited, refs = items[claim.code]
    ids = grounds.ids(cited)
    if claim.code == "flat_similarities":
        refs = {f"{item_id}:similarity" for item_id in ids}
    return Needs(ids, refs=frozenset(refs))


def _uncalibrated(grounds: Grounds) -> tuple[TaxonScoreEntry, ...]:
    return tuple(one for one in grounds.reading.candidates if not _is_calibrated(one, grounds))


def _is_calibrated(entry: TaxonScoreEntry, grounds: Grounds) -> bool:
    least = grounds.reading.policy.min_calibration_labels
    return entry.probability is not None and entry.calibration is not None and entry.calibration.n_behind >= least


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
                "remnant",
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
    "cluster_membership": Form(
        (QueryEntry, PrototypeEntry),
        cluster_membership,
        frozenset({None, "own", "elsewhere", "unassigned"}),
        taxon=None,
    ),
    "taxon_vote": Form((NeighbourEntry,), taxon_vote, taxon=True),
    "classifier_score": Form((TaxonScoreEntry,), classifier_score, taxon=True),
    "conflict": Form((NeighbourEntry, TaxonScoreEntry), conflict, frozenset({"neighbours", "models"})),
    "sequence_context": Form((SequenceStep,), sequence_context, taxon=None),
    "call_type": Form((NeighbourEntry,), call_type, frozenset({None, "same_position"})),
    "usual_sequence": Form((QueryEntry, FollowingEntry), usual_sequence),
    "novelty": Form((QueryEntry, NeighbourEntry), novelty, frozenset({None, "rank"})),
}
"""The kinds of claims of an interpretation."""
