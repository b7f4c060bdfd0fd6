"""The description of a segment's calls: when, in which band, around which pitch, in what rhythm, how noisy."""

from rab.audio.activity import activity
from rab.descriptors.contour import contour
from rab.descriptors.rhythm import onset_intervals
from rab.descriptors.spectrum import spectrum
from rab.domain.descriptors import Descriptors
from rab.domain.quality import SignalQuality
from rab.domain.spectrogram import Spectrogram
from rab.domain.waveform import Waveform


def describe(waveform: Waveform, spectrogram: Spectrogram, quality: SignalQuality) -> Descriptors:
    """Return the descriptors of a waveform, given its own spectrogram and signal quality.

    They speak of the band and the time in which `quality` found its signal, and are all None where it found none.
    `duration_ms` is the active time, pauses left out.
    """
    if quality.snr_db is None or quality.band_low_hz is None or quality.band_high_hz is None:
        return Descriptors()
    active = activity(spectrogram, (quality.band_low_hz, quality.band_high_hz))
    if active is None:
        return Descriptors()
    shape = spectrum(spectrogram, active)
    pitch = contour(spectrogram, active)
    rhythm = onset_intervals(spectrogram, active)
    return Descriptors(
        duration_ms=min(active.active_ms, waveform.duration_ms),
        low_hz=None if shape is None else shape.low_hz,
        high_hz=None if shape is None else shape.high_hz,
        bandwidth_hz=None if shape is None else shape.high_hz - shape.low_hz,
        peak_hz=None if shape is None else shape.peak_hz,
        centroid_hz=None if shape is None else shape.centroid_hz,
        pitch_median_hz=None if pitch is None else pitch.median_hz,
        pitch_range_hz=None if pitch is None else pitch.range_hz,
        pitch_slope_hz_per_s=None if pitch is None else pitch.slope_hz_per_s,
        n_onsets=rhythm.n_onsets,
        onset_interval_ms=rhythm.median_ms,
        onset_interval_cv=rhythm.cv,
        flatness=None if shape is None else shape.flatness,
        entropy=None if shape is None else shape.entropy,
    )
