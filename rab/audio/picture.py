"""Pictures of spectrograms, as PNG: time from left to right, frequency upwards, both linear.

Levels are shown against the noise floor's median, over 50 dB, so that a faint call and a loud one are both visible. The
colour ramp is our own: its lightness (CIE L*) rises evenly from dark to light, so that equal steps in level look equal
and print well in grey. Drawn by Pillow, which takes a few milliseconds where a plotting library takes fifty.
"""

import io
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from rab.domain.spectrogram import Spectrogram

_RANGE_DB = 50.0
_BELOW_FLOOR_DB = 3.0
"""Levels this far below the median of the noise floor are darkest."""
_ANCHORS = ((13, 16, 33), (40, 36, 94), (92, 47, 121), (160, 62, 110), (220, 95, 77), (248, 154, 63), (252, 240, 176))
"""Colours through which the ramp runs; it is then warped so that its lightness rises evenly."""
_TICKS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_MARGIN_LEFT_PX, _MARGIN_BOTTOM_PX, _MARGIN_PX = 44, 26, 6
_INK, _PAPER = (60, 60, 60), (255, 255, 255)


def spectrogram_png(
    spectrogram: Spectrogram,
    *,
    low_hz: float = 0.0,
    high_hz: float | None = None,
    width_px: int = 600,
    height_px: int = 220,
) -> bytes:
    """Return the frequencies from `low_hz` to `high_hz` (None: all), without axes; equal input gives equal bytes."""
    return _png(_picture(spectrogram, low_hz, _top_hz(spectrogram, high_hz), width_px, height_px))


def labelled_spectrogram_png(
    spectrogram: Spectrogram,
    *,
    low_hz: float = 0.0,
    high_hz: float | None = None,
    width_px: int = 600,
    height_px: int = 240,
) -> bytes:
    """Return the same with axes in kHz and seconds; `width_px` and `height_px` are those of the whole picture."""
    top_hz = _top_hz(spectrogram, high_hz)
    inner = width_px - _MARGIN_LEFT_PX - _MARGIN_PX, height_px - _MARGIN_BOTTOM_PX - _MARGIN_PX
    sheet = Image.new("RGB", (width_px, height_px), _PAPER)
    sheet.paste(_picture(spectrogram, low_hz, top_hz, *inner).convert("RGB"), (_MARGIN_LEFT_PX, _MARGIN_PX))
    _draw_axes(ImageDraw.Draw(sheet), inner, (low_hz / 1000, top_hz / 1000), _seconds(spectrogram))
    return _png(sheet)


def _picture(spectrogram: Spectrogram, low_hz: float, high_hz: float, width_px: int, height_px: int) -> Image.Image:
    wanted = (spectrogram.hz >= low_hz) & (spectrogram.hz <= high_hz)
    power = spectrogram.power[:, wanted]
    if power.size == 0 or not power.any():
        return _coloured(np.zeros((1, 1), dtype=np.uint8), width_px, height_px)
    level_db = 10 * np.log10(np.maximum(power, power.max() * np.float32(1e-12)))
    floor = spectrogram.floor[wanted]
    noise_db = 10 * np.log10(np.median(floor[floor > 0])) if (floor > 0).any() else np.median(level_db)
    least_db = min(float(noise_db) - _BELOW_FLOOR_DB, float(level_db.max()) - _RANGE_DB / 2)
    shade = np.clip((level_db - least_db) / _RANGE_DB, 0, 1)
    return _coloured(np.round(shade.T[::-1] * 255).astype(np.uint8), width_px, height_px)


def _coloured(shade: npt.NDArray[np.uint8], width_px: int, height_px: int) -> Image.Image:
    """Return shades [height, width] at the size wanted, under the ramp: half the bytes of full colour."""
    picture = Image.fromarray(shade).resize((width_px, height_px), Image.Resampling.BILINEAR)
    picture.putpalette(_ramp().tobytes())
    return picture


@cache
def _ramp() -> npt.NDArray[np.uint8]:
    """Return 256 colours, uint8 [256, 3], whose CIE lightness rises in even steps."""
    anchors = np.array(_ANCHORS, dtype=np.float64)
    along = np.linspace(0, len(anchors) - 1, 4096)
    path = np.stack([np.interp(along, np.arange(len(anchors)), anchors[:, part]) for part in range(3)], axis=1)
    scaled = path / 255
    linear = np.where(scaled <= 0.04045, scaled / 12.92, ((scaled + 0.055) / 1.055) ** 2.4)
    lightness = np.cbrt(linear @ np.array([0.2126, 0.7152, 0.0722]))
    even = np.linspace(lightness[0], lightness[-1], 256)
    chosen = path[np.searchsorted(np.maximum.accumulate(lightness), even).clip(0, 4095)]
    return np.asarray(np.round(chosen), dtype=np.uint8)


def _draw_axes(draw: ImageDraw.ImageDraw, inner: tuple[int, int], khz: tuple[float, float], seconds: float) -> None:
    width_px, height_px = inner
    font = ImageFont.load_default(size=11)
    bottom = _MARGIN_PX + height_px
    step = _step(khz[1] - khz[0], height_px / 40)
    for tick in np.arange(np.ceil(khz[0] / step) * step, khz[1] + 1e-9, step):
        y = bottom - round((tick - khz[0]) / (khz[1] - khz[0]) * height_px)
        draw.line((_MARGIN_LEFT_PX - 4, y, _MARGIN_LEFT_PX - 1, y), fill=_INK)
        words = f"{tick:g} kHz" if tick + step > khz[1] + 1e-9 else f"{tick:g}"
        draw.text((_MARGIN_LEFT_PX - 6, max(y, _MARGIN_PX + 5)), words, fill=_INK, font=font, anchor="rm")
    step = _step(seconds, width_px / 80)
    for tick in np.arange(0, seconds + 1e-9, step):
        x = _MARGIN_LEFT_PX + round(tick / seconds * width_px)
        draw.line((x, bottom, x, bottom + 3), fill=_INK)
        words = f"{tick:g} s" if tick + step > seconds + 1e-9 else f"{tick:g}"
        draw.text((min(x, _MARGIN_LEFT_PX + width_px - 8), bottom + 5), words, fill=_INK, font=font, anchor="mt")


def _step(length: float, n_about: float) -> float:
    """Return the round step that gives about `n_about` ticks over a length."""
    return min(_TICKS, key=lambda step: abs(np.log(length / step / max(n_about, 1))))


def _seconds(spectrogram: Spectrogram) -> float:
    return max(len(spectrogram.ms) - 1, 0) * spectrogram.hop_ms / 1000 + spectrogram.frame_ms / 1000


def _top_hz(spectrogram: Spectrogram, high_hz: float | None) -> float:
    return float(spectrogram.hz[-1]) if high_hz is None else min(high_hz, float(spectrogram.hz[-1]))


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=False, compress_level=6)
    return file.getvalue()
