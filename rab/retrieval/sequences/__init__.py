"""Sequences: what follows what in the recordings of a library, and whether chance would do the same."""

from rab.retrieval.sequences.alignment import agreement, mel_frames, warped_db
from rab.retrieval.sequences.blocks import entropy_bits
from rab.retrieval.sequences.bouts import BoutPolicy, bout_criterion, bouts, criterion_of_gaps
from rab.retrieval.sequences.edges import SequencePolicy, Sequences, gaps_ms, links, steps
from rab.retrieval.sequences.entropy import EntropyPolicy, entropy_rate, entropy_rates
from rab.retrieval.sequences.followings import FollowingPolicy, usual_followings
from rab.retrieval.sequences.motifs import MotifPolicy, find_motifs
from rab.retrieval.sequences.transitions import TransitionPolicy, followed_by, transition_table, usual_follower

__all__ = [
    "BoutPolicy",
    "EntropyPolicy",
    "FollowingPolicy",
    "MotifPolicy",
    "SequencePolicy",
    "Sequences",
    "TransitionPolicy",
    "agreement",
    "bout_criterion",
    "bouts",
    "criterion_of_gaps",
    "entropy_bits",
    "entropy_rate",
    "entropy_rates",
    "find_motifs",
    "followed_by",
    "gaps_ms",
    "links",
    "mel_frames",
    "steps",
    "transition_table",
    "usual_follower",
    "usual_followings",
    "warped_db",
]
