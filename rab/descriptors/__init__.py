"""Descriptors: the measurable shape of what sounds in a segment."""

from rab.descriptors.description import describe

__all__ = ["describe"]
