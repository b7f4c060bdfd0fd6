"""Segments: the spans of sound that models hear."""

from rab.segments.window import Cut, Window, WindowPolicy, cuts, spans, windows

__all__ = ["Cut", "Window", "WindowPolicy", "cuts", "spans", "windows"]
