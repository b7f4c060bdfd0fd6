"""The closed vocabulary: the words that templates, descriptors and units are made of, and nothing else.

What is sent to a language model consists of these words, of numbers and of slots for names. A file name, a site or a
comment that found its way into a sentence would bring a word that stands in no template, and the sentence is withheld.
"""

import re
from functools import cache

from rab.domain import MEASURES
from rab.generation.wording.texts import templates, texts

WORD = re.compile(r"[^\W\d_]+")

_UNITS = (
    "Hz kHz dB dBFS ms s h hours minutes days recorder segments recordings detections calls call stored named members "
    "member taxa taxon gaps gap files file steps step candidates candidate cosine raw score and others to "
    "contrasts contrast shuffles points point day-parts units unit"
)

_FIGURES = (
    "snr db band low high hz noise floor peak dbfs clipped share overlap similarity members steps gap s raw score "
    "value denominator rate delta vote near set aside policy"
)
"""What figures are called in references; descriptors are added to them."""


@cache
def vocabulary() -> frozenset[str]:
    """Return every word that the templates of claims can print by themselves, case folded."""
    found = set(WORD.findall(" ".join((_UNITS, _FIGURES, *MEASURES)).replace("_", " ")))
    found |= {word for one in MEASURES.values() for word in WORD.findall(one.words)}
    for path, source in texts().items():
        if path.startswith(("claims/", "parts/")):
            for _, token, value in templates().lex(source):
                if token in ("data", "string"):
                    found.update(WORD.findall(value))
    return frozenset(word.casefold() for word in found)


def is_closed(text: str) -> bool:
    """Return whether every word of a text belongs to the vocabulary."""
    return all(word.casefold() in vocabulary() for word in WORD.findall(text))
