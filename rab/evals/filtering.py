"""Filters held against reading each segment by hand, one condition after another.

`SegmentFilter.matches` is what the stores are held to, so it cannot be what it is tested by: here each condition is
read a second time, in plain Python, from the facts that a made library was written from (`rab.evals.made_segments`).
Each is asked alone, negated and beside others, of the catalog, of a search and of a scan. A condition that holds for
all segments or for none would be met by an engine that ignores it: then nothing is scored.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import numpy as np

from rab.domain import SegmentFilter
from rab.domain.filter import parse_filter
from rab.evals.base import Instance, Score
from rab.evals.intervals import of_share
from rab.evals.made_segments import Fact, cluster_name
from rab.workflows.workspace import Workspace

Holds = Callable[[Fact], bool]
_EARTH_M = 6_371_008.8
_SHOWN = 4
"""Filters that a reason names."""


def filter_errors(workspace: Workspace, facts: Sequence[Fact]) -> Score:
    """Ask every filter of the catalog and of both stores, and compare what they list with the facts."""
    instances = []
    for words, holds in filters(facts):
        due = {one.id for one in facts if holds(one)}
        if not 0 < len(due) < len(facts):
            reason = f"the made library cannot tell {words}: it holds for {len(due)} of {len(facts)} segments"
            return Score(case="filter_error_share", value=None, n=0, reason=reason)
        wrong = [
            f"{door} {_apart(found, due)}"
            for door, found in _found(workspace, facts, parse_filter(words))
            if found != due
        ]
        said = f"{len(due)} of {len(facts)} segments by hand" + "".join(f"; {one}" for one in wrong)
        instances.append(Instance(name=words, value=float(bool(wrong)), words=said))
    bad = [one for one in instances if one.value]
    low, high = of_share(len(bad), len(instances))
    shown = "; ".join(f"{one.name}: {one.words}" for one in bad[:_SHOWN])
    more = f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    return Score(
        case="filter_error_share",
        value=len(bad) / len(instances),
        n=len(instances),
        reason=f"wrong: {shown}{more}" if bad else "catalog, search and scan, against each segment read by hand",
        low=low,
        high=high,
        instances=tuple(sorted(instances, key=lambda one: -(one.value or 0))),
    )


def filters(facts: Sequence[Fact]) -> Iterator[tuple[str, Holds]]:
    """Yield filters in words, each with its meaning: every condition alone and negated, then some together."""
    alone = list(_conditions(facts))
    yield from alone
    for words, holds in alone:
        yield f"not ({words})", _negated(holds)
    n = len(alone)
    for at in range(n // 2):
        (one, first), (other, second) = alone[at], alone[at + n // 2]
        together: tuple[tuple[str, Holds], ...] = (
            (f"({one}) or ({other})", lambda fact, a=first, b=second: a(fact) or b(fact)),  # type: ignore[misc]
            (f"({one}) not ({other})", lambda fact, a=first, b=second: a(fact) and not b(fact)),  # type: ignore[misc]
        )
        yield from (pair for pair in together if 0 < sum(map(pair[1], facts)) < len(facts))


def _negated(holds: Holds) -> Holds:
    return lambda fact: not holds(fact)


def _conditions(facts: Sequence[Fact]) -> Iterator[tuple[str, Holds]]:
    yield from _of_recordings(facts)
    yield from _of_places()
    yield from _of_clocks()
    yield from _of_scores()
    yield from _of_words(facts)


def _of_recordings(facts: Sequence[Fact]) -> Iterator[tuple[str, Holds]]:
    own, model = facts[0].recording, facts[0].model
    yield "site=A", lambda one: one.site == "A"
    yield 'site=B,"C, the far one"', lambda one: one.site in ("B", "C, the far one")
    yield "habitat=moor", lambda one: one.habitat == "moor"
    yield 'habitat="wet heath",moor', lambda one: one.habitat is not None
    yield f"recording={own}", lambda one: one.recording == own
    yield f"model={model}", lambda one: one.model == model
    yield "snr>=10", lambda one: one.snr_db is not None and one.snr_db >= 10
    yield "snr<=10", lambda one: one.snr_db is not None and one.snr_db <= 10
    yield "snr>=0 snr<=10", lambda one: one.snr_db is not None and 0 <= one.snr_db <= 10


def _of_places() -> Iterator[tuple[str, Holds]]:
    def near(lat_deg: float, lon_deg: float, radius_m: float) -> Holds:
        return lambda one: one.place is not None and _metres((lat_deg, lon_deg), one.place) <= radius_m

    def within(south: float, north: float, *sides: tuple[float, float]) -> Holds:
        return lambda one: (
            one.place is not None
            and south <= one.place[0] <= north
            and any(west <= one.place[1] <= east for west, east in sides)
        )

    yield "near=46.5,6.2,5km", near(46.5, 6.2, 5000)
    yield "near=46.5,6.2,6km", near(46.5, 6.2, 6000)
    yield "near=-17,179.5,200km", near(-17, 179.5, 200_000)
    yield "box=46,6,46.5,6.2", within(46, 46.5, (6, 6.2))
    yield "box=-18,179,-16,-179", within(-18, -16, (179, 180), (-180, -179))


def _of_clocks() -> Iterator[tuple[str, Holds]]:
    def hour(*hours: int) -> Holds:
        return lambda one: one.wall is not None and one.wall.hour in hours

    def day(*spans: tuple[tuple[int, int], tuple[int, int]]) -> Holds:
        return lambda one: (
            one.wall is not None and any(first <= (one.wall.month, one.wall.day) <= last for first, last in spans)
        )

    noon = datetime(2025, 5, 1, 1, 50, tzinfo=UTC)
    later = datetime(2025, 5, 1, 12, 30, tzinfo=UTC)
    yield "hour=4", hour(4)
    yield "hour=4..5", hour(4, 5)
    yield "hour=22..0", hour(22, 23, 0)
    yield "date=05-01", day(((5, 1), (5, 1)))
    yield "date=04-15..07-31", day(((4, 15), (7, 31)))
    yield "date=12-15..01-10", day(((12, 15), (12, 31)), ((1, 1), (1, 10)))
    yield "date=02-29", day(((2, 29), (2, 29)))
    yield "from=2025-05-01T01:50Z", lambda one: one.heard is not None and one.heard >= noon
    yield "before=2025-05-01T01:50Z", lambda one: one.heard is not None and one.heard < noon
    yield (
        "from=2025-05-01T01:50Z before=2025-05-01T12:30Z",
        lambda one: one.heard is not None and noon <= one.heard < later,
    )


def _of_scores() -> Iterator[tuple[str, Holds]]:
    def scored(low: float, high: float, *species: str) -> Holds:
        return lambda one: any(
            low <= raw_score <= high and in_range is not False and (not species or name in species)
            for name, (raw_score, in_range) in one.scores.items()
        )

    merula, aluco = "Turdus merula", "Strix aluco"
    yield f'taxon="{merula}"', scored(0.3, 1, merula)
    yield f'taxon="{merula}","{aluco}"', scored(0.3, 1, merula, aluco)
    yield "score>=0.5", scored(0.5, 1)
    yield "score<=0.2", scored(0, 0.2)
    yield "score>=0.3 score<=0.5", scored(0.3, 0.5)
    yield f'taxon="{merula}" score>=0.2', scored(0.2, 1, merula)
    yield f'taxon="{aluco}" score<=0.5', scored(0, 0.5, aluco)


def _of_words(facts: Sequence[Fact]) -> Iterator[tuple[str, Holds]]:
    def labelled(name: str | None, *sources: str) -> Holds:
        return lambda one: any(
            (name is None or own == name) and (not sources or source in sources) for own, source in one.labels
        )

    names = sorted({name for one in facts if (name := cluster_name(one)) is not None})
    yield 'label="Vox probata"', labelled("Vox probata")
    yield 'label="alarm call","nobody\'s word"', labelled("alarm call")
    for source in ("human", "imported", "model"):
        yield f"source={source}", labelled(None, source)
    yield "source=imported,model", labelled(None, "imported", "model")
    yield 'label="Vox probata" source=imported', labelled("Vox probata", "imported")
    yield "reviewed", labelled(None, "human")
    yield "voice", lambda one: one.voice
    yield f"cluster={names[0]}", lambda one: cluster_name(one) == names[0]
    yield f"cluster={names[1]},{names[-1]}", lambda one: cluster_name(one) in (names[1], names[-1])
    yield (
        "reviewed hour=22..5 not (site=A voice)",
        lambda one: (
            labelled(None, "human")(one)
            and one.wall is not None
            and (one.wall.hour >= 22 or one.wall.hour <= 5)
            and not (one.site == "A" and one.voice)
        ),
    )


def _metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the distance of two points on a sphere, by the haversine formula."""
    (lat, lon), (lat2, lon2) = ([math.radians(degrees) for degrees in point] for point in (one, other))
    half = math.sin((lat2 - lat) / 2) ** 2 + math.cos(lat) * math.cos(lat2) * math.sin((lon2 - lon) / 2) ** 2
    return 2 * _EARTH_M * math.asin(math.sqrt(half))


def _found(workspace: Workspace, facts: Sequence[Fact], where: SegmentFilter) -> Iterator[tuple[str, set[str]]]:
    """Yield what each door to the library lists, over the spaces of the facts' models."""
    cards = [workspace.card(model) for model in sorted({one.model for one in facts})]
    stores = [workspace.store(card) for card in cards]
    yield "catalog", {one for card in cards for one in workspace.catalog.segment_ids(card.space, where)}
    yield (
        "search",
        {
            hit.segment_id
            for store in stores
            for hit in store.search(np.ones(store.card.dim, np.float32), len(facts), where)
        },
    )
    yield "scan", {one.payload.segment_id for store in stores for one in store.scan(where)}


def _apart(found: set[str], due: set[str]) -> str:
    return f"lists {len(found)}, {len(found - due)} too many and {len(due - found)} too few"
