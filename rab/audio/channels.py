"""Voices: which channels of a recording become sound to look at.

Two microphones on one recorder hear nearly the same, so the default averages them; microphones that point apart, or
one that failed, are taken one by one.
"""

from typing import Literal

from rab.errors import InputError

ChannelPolicy = Literal["mix", "each"] | int
"""`mix` averages all channels, `each` takes every channel by itself, a number takes that one, counted from 0."""


def voices(policy: ChannelPolicy, n_channels: int) -> tuple[int | None, ...]:
    """Return the channels to decode, from 0; None stands for the average of all.

    Raises `InputError` for a channel that the recording does not have.
    """
    if policy == "mix":
        return (None,)
    if policy == "each":
        return tuple(range(n_channels))
    if not 0 <= policy < n_channels:
        raise InputError(f"there is no channel {policy}", hint=f"this recording has {n_channels}, counted from 0")
    return (policy,)
