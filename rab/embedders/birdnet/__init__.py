"""BirdNET V2.4 (Kahl et al. 2021): the network that embeds and names, and its model of where and when birds occur."""

from rab.embedders.birdnet.network import BirdNET, card
from rab.embedders.birdnet.range import BirdNETRange

__all__ = ["BirdNET", "BirdNETRange", "card"]
