"""Value: the frozen base of every noun that leaves the process, and the precision of its numbers.

A value is compared, hashed and printed by content. Its numbers are rounded when it is made, so that the same recording
gives the same bytes on every machine: an Evidence Pack's id is the sha256 of those bytes. "Not measured" is `None`;
NaN and infinity are refused.
"""

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


class Value(BaseModel):
    """A frozen noun: no field may be added, changed, NaN or infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _rounded(places: int) -> AfterValidator:
    return AfterValidator(lambda number: round(number, places) + 0.0)  # + 0.0 turns -0.0 into 0.0


Ms = Annotated[float, _rounded(3)]
"""Milliseconds to 0.001 ms: whole milliseconds are 500 µs wrong, too coarse for bats."""

Hz = Annotated[float, Field(ge=0), _rounded(1)]
HzPerSecond = Annotated[float, _rounded(0)]
Db = Annotated[float, _rounded(2)]
Fraction = Annotated[float, Field(ge=0, le=1), _rounded(4)]
Ratio = Annotated[float, Field(ge=0), _rounded(4)]
Similarity = Annotated[float, Field(ge=-1, le=1), _rounded(4)]
"""Cosine similarity: up is good."""

Logit = Annotated[float, _rounded(4)]
Degrees = Annotated[float, _rounded(6)]
Metres = Annotated[float, Field(ge=0, le=1e8), _rounded(3)]
Instant = AwareDatetime
"""An absolute time: aware, kept in UTC, with the site's IANA zone beside it for local-hour work."""
