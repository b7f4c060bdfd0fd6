"""What is made of a network's logits, the same for every model: names, confidence, place, privacy and detections."""

from rab.embedders.scores.activation import Logits, raw_scores
from rab.embedders.scores.merging import MergePolicy, detections_of, merged_detections
from rab.embedders.scores.naming import ScorePolicy, taxa_without_range, taxon_scores, week_of
from rab.embedders.scores.species_lists import (
    ListedClasses,
    SpeciesList,
    UnlistedName,
    listed_classes,
    parse_species_list,
    read_species_list,
)
from rab.embedders.scores.voices import PrivacyMode, PrivacyPolicy, human_classes, human_voice

__all__ = [
    "ListedClasses",
    "Logits",
    "MergePolicy",
    "PrivacyMode",
    "PrivacyPolicy",
    "ScorePolicy",
    "SpeciesList",
    "UnlistedName",
    "detections_of",
    "human_classes",
    "human_voice",
    "listed_classes",
    "merged_detections",
    "parse_species_list",
    "raw_scores",
    "read_species_list",
    "taxa_without_range",
    "taxon_scores",
    "week_of",
]
