"""Taxon and TaxonScore: a name of the field, and what a classifier thinks of it.

A raw score is no probability: it is the sigmoid of a logit, and its relation to being right depends on species, site
and noise. It is printed as "raw score" until a calibration exists.
"""

from typing import Literal

from rab.domain.value import Fraction, Logit, Value

TaxonGroup = Literal["bird", "amphibian", "insect", "mammal", "sound"]
"""What kind of thing a class names. A `sound` is no species: `Engine`, `Noise`, `Human vocal`."""


class Taxon(Value):
    """A class of a classifier: a species mostly, sometimes a sound such as `Engine`."""

    scientific_name: str
    common_name: str
    group: TaxonGroup | None = None
    """None where the classifier's labels do not tell."""


class TaxonScore(Value):
    """What a classifier gave one taxon on one segment."""

    taxon: Taxon
    logit: Logit
    raw_score: Fraction
    model: str
    """`EmbedderCard.key` of the classifier."""
    in_range: bool | None = None
    """Whether the location and week model expects the taxon there and then; None where that is not known."""
