"""Segments: the spans of sound that models hear."""

from rab.segments.window import Window, WindowPolicy, spans, windows

__all__ = ["Window", "WindowPolicy", "spans", "windows"]
