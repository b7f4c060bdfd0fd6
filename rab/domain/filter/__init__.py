"""SegmentFilter: which segments a question is about. One type for the command line, HTTP, Python and every store.

It has two spellings of one meaning: fields, for programs, and words, for people:

    site=A12,B7 hour=22..3 date=04-15..07-31 snr>=10 taxon="Turdus merula" score>=0.7 not (reviewed or voice)

Conditions stand side by side and all hold; values of one condition are separated by commas, and any of them will do.
`or` stands between alternatives and binds weaker than standing side by side; parentheses may stand anywhere. `not`
takes the one condition that follows, or what stands in parentheses, and may be repeated. A value with a space, a comma,
a quote or a parenthesis is quoted as in JSON. Hours and dates are those of the site's clock and calendar, and a range
may pass midnight or the year's end. A time without a zone is read as UTC. `everything` has no conditions.
"""

from rab.domain.filter.conditions import SegmentFilter
from rab.domain.filter.parsing import parse_filter
from rab.domain.filter.payload import PAYLOAD_VERSION, GivenLabel, ScoredTaxon, SegmentPayload
from rab.domain.filter.place import Box, Near, unit_vector

__all__ = [
    "PAYLOAD_VERSION",
    "Box",
    "GivenLabel",
    "Near",
    "ScoredTaxon",
    "SegmentFilter",
    "SegmentPayload",
    "parse_filter",
    "unit_vector",
]
