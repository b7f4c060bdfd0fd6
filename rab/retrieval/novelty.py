"""Novelty: calls unlike what a library holds, and what may have made them.

How far a segment lies from every other recording is measured while a library is clustered, in the same reduced space
(`rab.retrieval.clusters`), and is given as a rank: of a hundred segments like those of the library, one has a novelty
of 0.99 or more. Its own recording does not count: a helicopter resembles itself a moment ago. Told apart from held-out
recordings of a library's own birds by this figure (area under the ROC curve, mean of seven kinds of ESC-10 sound
among `phoebe_xc` and `qut_stbees`): .82 and .78; by the distance to the nearest neighbour in all 1,024 dimensions .84
and .77; without the share that the reduction leaves out .79 and .79; to the fifth nearest instead .74 and .82.
Of windows of held-out recordings of the same set 0.5 to 4 % had 0.99 or more in four sets, 4 to 12 % had 0.95: a small
library looks narrower to itself than to what comes.

What is novel may be a new species or a chainsaw. Where a classifier hears people or their machines that is said, by
its own classes; at a raw score of 0.1 BirdNET tells 92 % of chainsaws, 62 % of helicopters and 85 % of dogs that way,
2 % of 760 windows of woodland and heath, and none of 200 of `phoebe_xc`. What is novel and named by nobody is an
unknown.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from rab.domain import NoveltyScore, StoredSegment, TaxonScore
from rab.domain.value import Fraction, Value
from rab.retrieval.neighbours import Neighbour

Alert = Literal["human-made", "unknown"]

_HUMAN_MADE = frozenset(
    """dog|engine|fireworks|gun|human non vocal|human vocal|human whistle|power tools|siren|
    accelerating and revving and vroom|aircraft|alarm|bicycle bell|boat and water vehicle|bus|car|car passing by|
    chainsaw|church bell|drill|engine starting|explosion|fixed wing aircraft and airplane|gunshot and gunfire|
    hammer|helicopter|idling|machine|mechanical fan|motor vehicle (road)|motorcycle|power tool|race car and auto racing|
    rail transport|sawing|ship|skateboard|speech|subway and metro and underground|traffic noise and roadway noise|train|
    truck|vehicle|vehicle horn and car horn and honking""".replace("\n    ", "").split("|")
)
"""Classes of sound that people make, in small letters and without signs: BirdNET's, and those of FSD50K's vocabulary,
which Perch's labels carry. A dog is among them: it comes with people, and is no wildlife."""


class NoveltyPolicy(Value):
    """When a call is worth an alert."""

    human_made_at: Fraction = 0.1
    """Raw score from which a class of human sound counts as heard."""
    unknown_at: Fraction = 0.99
    """Novelty from which a call that nobody names is an unknown."""


class NovelCall(Value):
    """A segment with its novelty, what it resembles most in another recording, and whether it calls for attention."""

    stored: StoredSegment
    novelty: NoveltyScore
    nearest: Neighbour | None
    """In another recording; None where there is none."""
    best_score: TaxonScore | None
    """The classifier's best, however low."""
    alert: Alert | None
    reasons: tuple[str, ...]
    """What was noticed: wind, rain, people, machines, clipping."""


def novel_call(
    stored: StoredSegment,
    novelty: NoveltyScore,
    nearest: Sequence[Neighbour],
    *,
    threshold: float,
    policy: NoveltyPolicy,
) -> NovelCall:
    """Put together what is known of a novel segment. `threshold` is the raw score that names a taxon."""
    human_made = human_made_of(stored, policy.human_made_at)
    is_named = bool(stored.labels) or any(
        score.raw_score >= threshold and score.in_range is not False for score in stored.scores
    )
    alert: Alert | None = None
    if human_made or stored.human_voice:
        alert = "human-made"
    elif not is_named and novelty.novelty is not None and novelty.novelty >= policy.unknown_at:
        alert = "unknown"
    return NovelCall(
        stored=stored,
        novelty=novelty,
        nearest=next(iter(nearest), None),
        best_score=next(iter(stored.scores), None),
        alert=alert,
        reasons=tuple(_reasons(stored, human_made)),
    )


def human_made_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Return those of a classifier's names that are of sounds that people make."""
    return tuple(sorted(name for name in names if _plain(name) in _HUMAN_MADE))


def human_made_of(stored: StoredSegment, at_least: float) -> list[TaxonScore]:
    """Return the scores of sounds that people make, at or above a raw score, best first."""
    return [
        score
        for score in stored.scores
        if score.raw_score >= at_least and _plain(score.taxon.scientific_name) in _HUMAN_MADE
    ]


def _reasons(stored: StoredSegment, human_made: Sequence[TaxonScore]) -> list[str]:
    quality = stored.quality
    noticed = [f"{one.taxon.common_name}, raw score {one.raw_score:.2f}" for one in human_made]
    flags = {
        "people are heard": stored.human_voice,
        "wind": quality.wind,
        "rain": quality.rain,
        "silence": quality.silent,
        f"{100 * quality.clipped_fraction:.1f} % clipped": quality.clipped_fraction > 0,
    }
    return [*noticed, *(words for words, holds in flags.items() if holds)]


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ").replace("-", " ")
