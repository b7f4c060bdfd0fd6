"""The facts of hypothesis prompts: how many contrasts were screened, then each question with all that belongs to it."""

from collections.abc import Iterator

from rab.domain import PackItem
from rab.generation.facts.base import Fact, compose
from rab.generation.needs.base import Grounds
from rab.generation.reading.contrasts import BESIDE_PARTS, COUNTER_PARTS, EFFECT_PARTS, ContrastTerms


def hypothesis_facts(grounds: Grounds) -> Iterator[Fact]:
    """Yield what may be stated of a screening, in reading order."""
    reading = grounds.reading
    for family, passed in reading.tally.named("contrasts_passed").items():
        yield compose(grounds, "screening", [passed], _COUNTED, code=family, mandatory=True)
    for entry in reading.pack.contrasts:
        yield from _question(grounds, ContrastTerms(reading, entry))


_COUNTED = ("count", "denominator")


def _question(grounds: Grounds, terms: ContrastTerms) -> Iterator[Fact]:
    entry, family, id_of = terms.entry, terms.entry.family, grounds.reading.id_of
    effect, counter = terms.parts(EFFECT_PARTS), terms.parts(COUNTER_PARTS)
    sides: list[PackItem] = [entry, *effect[:2], *terms.sides]
    against: list[PackItem] = [*counter[:1], *terms.contrary]
    figures = [f"{id_of(one)}:value" for one in effect[:-1]]
    figures += [f"{id_of(one)}:denominator" for one in (*effect[:2], *effect[-1:])]
    figures += [f"{id_of(one)}:count" for one in effect[-1:]]
    yield compose(grounds, "hypothesis_prompt", sides, contra=against, code=family)
    yield compose(grounds, "screen_evidence", [entry, *effect], figures, code=family, bound=True)
    n_of = [f"{id_of(one)}:{name}" for one in counter[:1] for name in _COUNTED]
    n_of += [f"{id_of(one)}:value" for one in counter[1:]]
    support: list[PackItem] = [entry, *counter, *terms.contrary]
    yield compose(grounds, "counter_evidence", support, n_of, code=family, bound=True)
    yield compose(grounds, "artefact", [entry, *terms.parts(BESIDE_PARTS)], ["value"], code=family, bound=True)
    least = terms.parts(("contrast_least",))
    yield compose(grounds, "refutation", [entry, *least], ["value"], code=family, bound=True)
    yield compose(grounds, "test_query", [entry], code=family, bound=True)
