"""Pictures of spectrograms: PNG, drawn by Pillow.

Axes are left to the page that shows a picture, which draws them sharper; a labelled one is for places that show nothing
but an image. The colours run along one line through CIELAB, from near black over violet and orange to pale yellow, with
lightness rising in equal steps: twice the decibels look twice as bright, in print and to colour-blind eyes too. Equal
spectrograms give equal bytes under equal versions of Pillow and zlib.
"""

import math
from collections.abc import Iterator
from functools import cache
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from rab.domain.spectrogram import Spectrogram

_MIN_RANGE_DB = 20.0
_LEFT_PX, _BOTTOM_PX, _TOP_PX, _RIGHT_PX = 34, 24, 6, 12
_INK, _PAPER = (51, 51, 51), (255, 255, 255)


def spectrogram_png(
    spectrogram: Spectrogram,
    *,
    low_hz: float = 0.0,
    high_hz: float | None = None,
    width_px: int = 480,
    height_px: int = 160,
    range_db: float = 60.0,
) -> bytes:
    """Return a picture of the sound between two frequencies (`high_hz`: by default half the sample rate), as PNG.

    Time runs over the whole width, from the first frame to the last. Black is the noise floor, or `range_db` below the
    loudest cell where that is higher; white is the loudest cell, but at least 20 dB above black. What lies beyond half
    the sample rate stays black, as does everything when the sound is shorter than a frame.
    """
    top_hz = high_hz or float(spectrogram.hz[-1])
    return _png(_picture(spectrogram, low_hz, top_hz, (width_px, height_px), range_db))


def labelled_spectrogram_png(
    spectrogram: Spectrogram,
    *,
    low_hz: float = 0.0,
    high_hz: float | None = None,
    width_px: int = 480,
    height_px: int = 200,
    range_db: float = 60.0,
    t0_ms: float = 0.0,
) -> bytes:
    """Return the same with axes in kHz and seconds, within `width_px` × `height_px`. The first sample is at `t0_ms`."""
    top_hz = high_hz or float(spectrogram.hz[-1])
    size = max(1, width_px - _LEFT_PX - _RIGHT_PX), max(1, height_px - _TOP_PX - _BOTTOM_PX)
    canvas = Image.new("RGB", (width_px, height_px), _PAPER)
    canvas.paste(_picture(spectrogram, low_hz, top_hz, size, range_db).convert("RGB"), (_LEFT_PX, _TOP_PX))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=10)
    bottom = _TOP_PX + size[1]
    for khz in _ticks(low_hz / 1000, top_hz / 1000, size[1] // 30):
        y = bottom - round((khz * 1000 - low_hz) / (top_hz - low_hz) * size[1])
        draw.line([(_LEFT_PX - 4, y), (_LEFT_PX - 1, y)], fill=_INK)
        draw.text((_LEFT_PX - 6, y), f"{khz:g}", fill=_INK, font=font, anchor="rm")
    draw.text((2, bottom + 12), "kHz, s", fill=_INK, font=font, anchor="lm")
    first_s, last_s = _seconds(spectrogram, t0_ms)
    for second in _ticks(first_s, last_s, size[0] // 60):
        x = _LEFT_PX + round((second - first_s) / (last_s - first_s) * size[0])
        draw.line([(x, bottom), (x, bottom + 3)], fill=_INK)
        draw.text((x, bottom + 12), f"{second:g}", fill=_INK, font=font, anchor="mm")
    return _png(canvas)


def _picture(
    spectrogram: Spectrogram, low_hz: float, high_hz: float, size: tuple[int, int], range_db: float
) -> Image.Image:
    """Return a palette image of `size`, low frequencies at the bottom."""
    canvas = Image.new("P", size, 0)
    canvas.putpalette(_palette())
    hz, bin_hz = spectrogram.hz, spectrogram.bin_hz
    inside = slice(*np.searchsorted(hz, [low_hz - bin_hz, high_hz + bin_hz]))
    power = spectrogram.power[:, inside]
    if not power.size or not power.any():
        return canvas
    levels = Image.fromarray(_levels(power, spectrogram.floor[inside], range_db).T[::-1])
    last_hz = float(hz[inside][-1]) + bin_hz / 2
    rows = [(last_hz - edge_hz) / bin_hz for edge_hz in (min(high_hz, float(hz[-1])), low_hz)]
    box = (0, max(rows[0], 0), levels.width, min(rows[1], levels.height))
    height = min(size[1], max(1, round(size[1] * (rows[1] - rows[0]) * bin_hz / (high_hz - low_hz))))
    drawn = levels.resize((size[0], height), Image.Resampling.BILINEAR, box=box)
    canvas.paste(drawn, (0, size[1] - height))
    return canvas


def _levels(power: npt.NDArray[np.float32], floor: npt.NDArray[np.float32], range_db: float) -> npt.NDArray[np.uint8]:
    """Return 0–255, uint8 [n_frames, n_bins]: decibels between black and white."""
    white_db = 10 * math.log10(power.max())
    noise = float(np.median(floor))
    black_db = max(white_db - range_db, 10 * math.log10(noise) if noise > 0 else -math.inf)
    span_db = max(white_db - black_db, _MIN_RANGE_DB)
    decibels = 10 * np.log10(np.maximum(power, np.float32(10 ** (black_db / 10))))
    return np.clip((decibels - black_db) * (255 / span_db), 0, 255).astype(np.uint8)


@cache
def _palette() -> bytes:
    """Return 256 sRGB colours, equally far apart in CIELAB lightness (CIE 15:2004; sRGB: IEC 61966-2-1)."""
    step = np.linspace(0, 1, 256)
    lightness, hue = 4 + 92 * step, np.deg2rad(-75 + 175 * step)
    chroma = 62 * np.sin(np.pi * np.clip(step, 0, 1)) ** 0.75
    fy = (lightness + 16) / 116
    fx, fz = fy + chroma * np.cos(hue) / 500, fy - chroma * np.sin(hue) / 200
    xyz = [
        white * np.where(f > 6 / 29, f**3, (f - 4 / 29) * 108 / 841)
        for white, f in zip((0.9505, 1.0, 1.089), (fx, fy, fz), strict=True)
    ]
    to_rgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    linear = np.clip(to_rgb @ np.array(xyz), 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return bytes(np.rint(255 * srgb.T).astype(np.uint8))


def _seconds(spectrogram: Spectrogram, t0_ms: float) -> tuple[float, float]:
    """Return where the picture begins and ends."""
    half_ms = spectrogram.hop_ms / 2
    first_ms, last_ms = (spectrogram.ms[0], spectrogram.ms[-1]) if len(spectrogram.ms) else (half_ms, half_ms)
    return (t0_ms + first_ms - half_ms) / 1000, (t0_ms + last_ms + half_ms) / 1000


def _ticks(low: float, high: float, n_most: int) -> Iterator[float]:
    """Yield the multiples of 1, 2 or 5 times a power of ten from low to high, at most about `n_most` of them."""
    least = (high - low) / max(n_most, 1)
    power = 10.0 ** math.floor(math.log10(least))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= least)
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield round(number * step, 9)


def _png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()
