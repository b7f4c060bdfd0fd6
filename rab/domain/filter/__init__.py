"""SegmentFilter: which segments a question is about. One type for the command line, HTTP, Python and every store.

It has two spellings of one meaning: fields, for programs, and words, for people:

    site=A12,B7 hour=22..3 date=04-15..07-31 snr>=10 taxon="Turdus merula" score>=0.7 not (reviewed or voice)

Conditions stand side by side and all hold, and `and` may stand between them; values of one condition are separated by
commas, and any of them will do. `or` stands between alternatives and binds weaker than standing side by side;
parentheses may stand anywhere. `not` takes the one condition that follows, or what stands in parentheses, and may be
repeated. A value with a space, a comma, a quote or a parenthesis is quoted as in JSON. Hours and dates are those of the
site's clock and calendar, and a range may pass midnight or the year's end; no other range may end below its beginning.
A time without a zone is read as UTC. `everything` has no conditions.

    taxon="Turdus merula" precision>=0.9

asks for scores of which nine in ten are right. No segment holds that: a model's calibration says which raw score it
is, and `rab.workflows.filters.understand` puts that score in its place. Until then nothing answers such a filter.
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
