"""What the claims of hypothesis prompts rest on: one function per kind, from the claim back to the pack.

A question is true of its pack when its contrast, computed anew from both groups' figures, passes what a screen asks.
"""

import shlex
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import get_args

from rab.domain import AggregateEntry, Claim, ClaimKind, ContrastEntry, ExemplarEntry, PackItem
from rab.domain.evidence import Family
from rab.generation.codes import Failure
from rab.generation.needs.base import Form, Grounds, Needs, unsupported

_NEAR = 1e-6
"""Figures are rounded to nine places; a difference of two of them may be off by more than that."""


def screening(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """The family's count of contrasts that passed, of those screened."""
    passed = grounds.reading.tally.entry("contrasts_passed", claim.code)
    if passed is None:
        return unsupported("the family was not screened")
    return _needs(grounds, [passed], counted=[passed])


def hypothesis_prompt(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """Both groups and the calls that stand for them; against it, the units and the calls that contradict it."""
    entry = _entry_of(claim, grounds)
    if isinstance(entry, Failure):
        return entry
    calls = [one for one in grounds.reading.pack.exemplars if one.contrast == entry.key]
    sides = [one for one in calls if one.group != "contrary"]
    against = [one for one in calls if one.group == "contrary"]
    if len({one.call.segment_id for one in sides}) < 2 or not any(one.group == "here" for one in sides):
        return unsupported("fewer than two distinct calls stand for it")
    figures = _figures(entry, grounds, "contrast_here", "contrast_there", "contrast_contrary")
    if isinstance(figures, Failure):
        return figures
    support = grounds.ids([entry, *figures[:2], *sides])
    return Needs(support, grounds.ids([figures[2], *against]))


def screen_evidence(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """Both groups' values and counts, how far they are apart, and what shuffles show."""
    entry = _entry_of(claim, grounds)
    if isinstance(entry, Failure):
        return entry
    names = ("here", "there", "gap", "gap_low", "gap_high", "shuffles")
    figures = _figures(entry, grounds, *(f"contrast_{name}" for name in names))
    if isinstance(figures, Failure):
        return figures
    refs = {f"{item_id}:denominator" for item_id in grounds.ids(figures[:2])}
    needs = _needs(grounds, [entry, *figures], figures[:5], figures[5:])
    return Needs(needs.support, refs=needs.refs | refs)


def counter_evidence(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """The units of the first group that show no more than the other, and a call from the one that shows least."""
    entry = _entry_of(claim, grounds)
    if isinstance(entry, Failure):
        return entry
    figures = _figures(entry, grounds, "contrast_contrary", "contrast_there")
    if isinstance(figures, Failure):
        return figures
    calls = [one for one in grounds.reading.pack.exemplars if (one.contrast, one.group) == (entry.key, "contrary")]
    return _needs(grounds, [entry, *figures, *calls], figures[1:], figures[:1])


def artefact(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """What else differs between the groups, where it was measured."""
    entry = _entry_of(claim, grounds)
    if isinstance(entry, Failure):
        return entry
    tally = grounds.reading.tally
    found = [tally.entry(name, entry.key) for name in ("beside_here", "beside_there")]
    measured = [one for one in found if one is not None]
    return _needs(grounds, [entry, *measured], measured)


def refutation(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """The least difference that counts."""
    entry = _entry_of(claim, grounds)
    if isinstance(entry, Failure):
        return entry
    least = _figures(entry, grounds, "contrast_least")
    return least if isinstance(least, Failure) else _needs(grounds, [entry, *least], least)


def test_query(claim: Claim, grounds: Grounds) -> Needs | Failure:
    """The contrast, which has the command."""
    entry = _entry_of(claim, grounds)
    return entry if isinstance(entry, Failure) else Needs(grounds.ids([entry]))


def failure_of_screen(entry: ContrastEntry, grounds: Grounds) -> Failure | None:
    """Return why a contrast does not pass what a screen asks, computed from its figures alone; None when it passes."""
    figures = _figures(entry, grounds, *(f"contrast_{name}" for name in _TESTED))
    if isinstance(figures, Failure):
        return figures
    here, there, gap, low, high, least, shuffles, contrary = figures
    policy = grounds.reading.policy
    sign = 1.0 if entry.direction == "more" else -1.0
    if abs(sign * (here.value - there.value) - gap.value) > _NEAR:
        return unsupported("the groups do not differ so, or not in this direction")
    if not 0 < low.value <= gap.value + _NEAR or high.value < gap.value - _NEAR:
        return unsupported("the interval of the difference does not leave out zero")
    if gap.value < least.value - _NEAR:
        return unsupported("the difference is too small to be asked about")
    if min(here.denominator or 0, there.denominator or 0) < policy.min_units:
        return unsupported("a group has too few units of observation")
    if not 0 <= shuffles.value < (shuffles.denominator or 0):
        return unsupported("the shuffles cannot be so many")
    if (shuffles.value + 1) / ((shuffles.denominator or 0) + 1) > policy.max_shuffle_share:
        return unsupported("too many shuffles show as much")
    if contrary.denominator != here.denominator or not 0 <= contrary.value <= (here.denominator or 0):
        return unsupported("what speaks against it is not counted in the first group")
    return None


_TESTED = ("here", "there", "gap", "gap_low", "gap_high", "least", "shuffles", "contrary")


def _entry_of(claim: Claim, grounds: Grounds) -> ContrastEntry | Failure:
    """Return the one contrast that a claim cites, where it is of the claim's family and passes."""
    found = [one for one in grounds.cited(claim) if isinstance(one, ContrastEntry)]
    if len(found) != 1:
        return unsupported("a question is about one contrast")
    if found[0].family != claim.code:
        return unsupported("the contrast is of another family")
    if not _looks_again(found[0], grounds):
        return unsupported("the command is not that of the contrast's filter")
    return failure_of_screen(found[0], grounds) or found[0]


def _looks_again(entry: ContrastEntry, grounds: Grounds) -> bool:
    """Return whether the command of a contrast is one that reads, in plain words, with the filter of the contrast."""
    try:
        words = shlex.split(entry.command)
    except ValueError:
        return False
    models = {one.key for one in grounds.reading.pack.models}
    named = {after for word, after in pairwise(words) if word == "--model"}
    return (
        shlex.join(words) == entry.command
        and words[-2:] == ["--where", entry.where.words]
        and words.count("--where") == 1
        and words[0] == "rab"
        and words[1] in _READERS
        and named <= models
    )


_READERS = frozenset({"detections", "drift", "novelty", "segments", "sequences"})
"""Commands that look again; none of them changes anything."""


def _figures(entry: ContrastEntry, grounds: Grounds, *names: str) -> list[AggregateEntry] | Failure:
    figures = [grounds.reading.tally.entry(name, entry.key) for name in names]
    found = [one for one in figures if one is not None]
    return found if len(found) == len(names) else unsupported("the pack lacks a figure of the contrast")


def _needs(
    grounds: Grounds,
    items: Iterable[PackItem],
    valued: Iterable[AggregateEntry] = (),
    counted: Iterable[AggregateEntry] = (),
) -> Needs:
    """Return the needs of a claim that gives some figures, and others as so many out of so many."""
    refs = {f"{item_id}:value" for item_id in grounds.ids(valued)}
    refs |= {f"{item_id}:{name}" for item_id in grounds.ids(counted) for name in ("count", "denominator")}
    return Needs(grounds.ids(items), refs=frozenset(refs & grounds.table.keys()))


_FAMILIES = frozenset(get_args(Family))
_PARTS: dict[ClaimKind, Callable[[Claim, Grounds], Needs | Failure]] = {
    "hypothesis_prompt": hypothesis_prompt,
    "screen_evidence": screen_evidence,
    "counter_evidence": counter_evidence,
    "artefact": artefact,
    "refutation": refutation,
    "test_query": test_query,
}
FORMS: dict[ClaimKind, Form] = {
    "screening": Form((AggregateEntry,), screening, _FAMILIES),
    **{kind: Form((ContrastEntry, AggregateEntry, ExemplarEntry), needs, _FAMILIES) for kind, needs in _PARTS.items()},
}
"""The kinds of claims of hypothesis prompts."""
