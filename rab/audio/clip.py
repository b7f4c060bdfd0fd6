"""Clips: the sound behind a statement, as a file that every browser plays."""

from io import BytesIO

import numpy as np
import soundfile

from rab.domain import Waveform

_MAX_AUDIBLE_RATE_HZ = 96_000
_EXPANSION = 10


def clip_expansion(sample_rate_hz: int) -> int:
    """Return how many times slower a clip of this rate is played: 10 above 96 kHz, as bat workers do, else 1."""
    return _EXPANSION if sample_rate_hz > _MAX_AUDIBLE_RATE_HZ else 1


def clip_wav(waveform: Waveform, *, fade_ms: float = 5.0, gain_db: float = 0.0) -> bytes:
    """Return a 16-bit PCM WAV file; equal sound gives equal bytes.

    Ultrasound, sampled above 96 kHz, is time-expanded tenfold: the file declares a tenth of the rate, so a 40 kHz call
    is heard at 4 kHz, ten times as long. The level is kept but for `gain_db`, and what would exceed full scale is
    clipped. Raised-cosine fades of `fade_ms` of real time, at most half the clip each, keep cuts from clicking.
    """
    samples = waveform.samples * np.float32(10 ** (gain_db / 20))
    n_fade = min(round(fade_ms * waveform.sample_rate_hz / 1000), len(samples) // 2)
    fade = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n_fade, dtype=np.float32) + 0.5) / max(n_fade, 1))
    samples[:n_fade] *= fade
    samples[len(samples) - n_fade :] *= fade[::-1]
    pcm = np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
    rate_hz = round(waveform.sample_rate_hz / clip_expansion(waveform.sample_rate_hz))
    file = BytesIO()
    soundfile.write(file, pcm, rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()
