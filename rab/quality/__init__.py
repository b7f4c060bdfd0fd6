"""Signal quality: how far a segment can be trusted, before anyone asks what is in it."""

from rab.quality.measurement import measure

__all__ = ["measure"]
