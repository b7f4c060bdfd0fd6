"""Deployment: a recorder at a place for a time.

The unit in which field work is planned and effort is counted. Everything that a file cannot say of itself stands here:
where the recorder hung and which clock it kept.
"""

from pydantic import Field

from rab.domain.value import Degrees, Value


class Deployment(Value):
    """A recorder at a site. `file_pattern` says which files are its own (a glob over the path as given)."""

    site: str = Field(min_length=1)
    lat_deg: Degrees | None = Field(default=None, ge=-90, le=90)
    lon_deg: Degrees | None = Field(default=None, ge=-180, le=180)
    zone: str | None = None
    """The site's zone, and the zone of the recorder's clock where its files state none: an IANA name or `UTC±hh:mm`."""
    recorder: str | None = None
    habitat: str | None = None
    file_pattern: str = "*"
