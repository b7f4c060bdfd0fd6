"""Which channels of a recording are listened to."""

import pytest

from rab.audio import ChannelPolicy, voices
from rab.errors import InputError


@pytest.mark.parametrize(("policy", "expected"), [("mix", (None,)), ("each", (0, 1, 2)), (0, (0,)), (2, (2,))])
def test_a_policy_names_voices(policy: ChannelPolicy, expected: tuple[int | None, ...]) -> None:
    """The average is one voice without a number; channels are counted from 0."""
    assert expected == voices(policy, 3)


@pytest.mark.parametrize("policy", [3, -1])
def test_a_channel_that_is_not_there_is_refused(policy: int) -> None:
    """The refusal says how many channels there are."""
    with pytest.raises(InputError, match=r"there is no channel .* has 3"):
        voices(policy, 3)
