"""From a file on disk to samples: find, read, decode, resample, clip. Times and rates are the real world's."""

from rab.audio.channels import ChannelPolicy, voices
from rab.audio.clip import clip_expansion, clip_wav
from rab.audio.clocks import canonical_zone
from rab.audio.decode import read_clip, stream, stream_voices
from rab.audio.deployments import deployment_for, read_deployments
from rab.audio.find import AUDIO_SUFFIXES, FoundAudio, find_audio
from rab.audio.licences import stated_licence
from rab.audio.recordings import read_recording, started_at
from rab.audio.resample import resampled

__all__ = [
    "AUDIO_SUFFIXES",
    "ChannelPolicy",
    "FoundAudio",
    "canonical_zone",
    "clip_expansion",
    "clip_wav",
    "deployment_for",
    "find_audio",
    "read_clip",
    "read_deployments",
    "read_recording",
    "resampled",
    "started_at",
    "stated_licence",
    "stream",
    "stream_voices",
    "voices",
]
