"""BatDetect2 (Mac Aodha et al. 2022): finds the calls of bats in ultrasound, and names 17 species of them."""

from rab.embedders.batdetect2.network import BatDetect2, card

__all__ = ["BatDetect2", "card"]
