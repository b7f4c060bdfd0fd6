"""Perch 2.0 (van Merriënboer et al. 2025): embeddings and 14,795 classes of animals and sounds."""

from rab.embedders.perch.network import Perch, card

__all__ = ["Perch", "card"]
