"""Notes: what the recorder, the file's name and the deployments table say about a recording, made one.

Who is believed. Where a recorder hung is known best by those who hung it: the deployment's position and zone stand
before the file's own. When it began is known best by the recorder: GUANO, then the AudioMoth comment, then the file's
name; of these, a time with an offset stands before one without, which is read on the deployment's clock or not at all
(see `rab.audio.clocks`).

GUANO is parsed here, in ten lines: the `guano` package opens files with `wave`, which refuses float, extensible, RF64
and W64 files, and it fails on a line without a colon.

Sources: GUANO 1.0 specification (riggsd/guano-spec); `setHeaderComment` of AudioMoth-Firmware-Basic.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from rab.audio.clocks import Start, canonical_zone, clock, stamp_in_name, start_of, zone_of
from rab.domain import Deployment, RecorderNotes
from rab.errors import InputError

_COMMENT = re.compile(
    r"Recorded at (?P<time>\d\d:\d\d:\d\d)(?:\.\d+)? (?P<date>\d\d/\d\d/\d{4})(?: \((?P<zone>UTC[-+:\d]*)\))?"
    r" by AudioMoth (?P<serial>[0-9A-F]{16})"
)
_GAIN = re.compile(r" at (?:gain setting (\d)|([a-z-]+) gain)")
_BATTERY = re.compile(r"battery (?:state )?was (\d+\.\d+)V")
_TEMPERATURE = re.compile(r"temperature was (-?\d+\.\d+)C")
_FAR_DEG = 0.1
"""About 10 km: a recorder's own position may be off by a kilometre; farther off, a card was mixed up."""

_MAX_EXPANSION = 100
"""Bat detectors expand ten- or twentyfold."""

_TELLERS = {
    "guano": "The file's GUANO notes give",
    "audiomoth": "The AudioMoth comment gives",
    "file_name": "The file's name gives",
}


@dataclass(frozen=True)
class Facts:
    """What one source says: fields of `RecorderNotes`, and the start as its clock showed it."""

    source: str
    fields: dict[str, object] = field(default_factory=dict)
    stamp: datetime | None = None
    caveats: tuple[str, ...] = ()


def recorder_notes(
    file_name: str, *, guano: bytes = b"", comment: str = "", deployment: Deployment | None = None
) -> RecorderNotes:
    """Merge what a file's name, its GUANO notes, its comment and its deployment tell.

    A start that cannot be told without a guess is None, and a caveat says what is missing. Caveats do not name the
    file: a thousand recordings with one trouble share one sentence.
    """
    place, recorder = _deployment_facts(deployment)
    own = (guano_facts(guano), audiomoth_facts(comment), Facts("file_name", stamp=stamp_in_name(file_name)))
    fields: dict[str, object] = {}
    sources = set()
    for facts in (place, *own, recorder):
        fresh = facts.fields.keys() - fields.keys()
        fields |= {name: facts.fields[name] for name in fresh}
        sources |= {facts.source} if fresh else set()
    start = Start(None, "No start time is known: neither the file nor its name tells it.")
    stamps = [(facts.source, facts.stamp) for facts in own if facts.stamp]
    for source, stamp in sorted(stamps, key=lambda told: told[1].tzinfo is None)[:1]:
        start = start_of(stamp, deployment.zone if deployment else None, _TELLERS[source])
        if start.at:
            sources.add(source)
            fields.setdefault("zone", zone_of(stamp))
    caveats = [caveat for facts in own for caveat in facts.caveats] + _misplaced(place, own[0])
    return RecorderNotes.model_validate(
        {
            **fields,
            "started_at": start.at,
            "sources": [name for name in ("guano", "audiomoth", "file_name", "deployment") if name in sources],
            "caveats": [*caveats, start.caveat] if start.caveat else caveats,
        }
    )


def guano_facts(text: bytes) -> Facts:
    """Parse GUANO notes. A field that cannot be read is left out, with a caveat that names it."""
    lines = text.decode("utf-8", errors="replace").strip("\0").splitlines()
    given = {key.strip(): value.strip() for key, colon, value in (line.partition(":") for line in lines) if colon}
    facts: dict[str, object] = {}
    caveats = []
    for key, read in _GUANO.items():
        try:
            facts |= read(given[key]) if given.get(key) else {}
        except (ValueError, InputError):
            caveats.append(f"The GUANO field {key} could not be read and was left out.")
    stamp = facts.pop("stamp", None)
    return Facts("guano", facts, stamp if isinstance(stamp, datetime) else None, tuple(caveats))


def audiomoth_facts(comment: str) -> Facts:
    """Parse the comment that an AudioMoth writes; any other comment tells nothing.

    The first firmware left `(UTC)` out: then the time has no zone. A battery "less than 2.5V" is not a measurement.
    """
    told = _COMMENT.search(comment)
    if not told:
        return Facts("audiomoth")
    fields: dict[str, object] = {"make": "Open Acoustic Devices", "model": "AudioMoth", "serial": told["serial"]}
    if gain := _GAIN.search(comment):
        fields["gain"] = gain[1] or gain[2]
    for name, pattern in (("battery_v", _BATTERY), ("temperature_c", _TEMPERATURE)):
        if figure := pattern.search(comment):
            fields[name] = float(figure[1])
    try:
        stamp = datetime.strptime(f"{told['date']} {told['time']}", "%d/%m/%Y %H:%M:%S")  # noqa: DTZ007  zone below
        if told["zone"]:
            stamp = stamp.replace(tzinfo=clock(told["zone"]))
    except (ValueError, InputError):
        return Facts("audiomoth", fields, None, ("The time in the AudioMoth comment is no time and was left out.",))
    return Facts("audiomoth", fields, stamp)


def _deployment_facts(deployment: Deployment | None) -> tuple[Facts, Facts]:
    """Return what a deployment knows better than the file, and what it is asked for where the file is silent."""
    if deployment is None:
        return Facts("deployment"), Facts("deployment")
    place: dict[str, object] = deployment.model_dump(include={"lat_deg", "lon_deg", "habitat"}, exclude_none=True)
    if deployment.zone:
        place["zone"] = canonical_zone(deployment.zone)
    recorder: dict[str, object] = {"model": deployment.recorder} if deployment.recorder else {}
    return Facts("deployment", place), Facts("deployment", recorder)


def _misplaced(place: Facts, guano: Facts) -> list[str]:
    pairs = [(place.fields.get(name), guano.fields.get(name)) for name in ("lat_deg", "lon_deg")]
    if any(isinstance(a, float) and isinstance(b, float) and abs(a - b) > _FAR_DEG for a, b in pairs):
        return [f"The file's own position is over {_FAR_DEG} degrees from its deployment's, which was taken."]
    return []


def _figure(name: str) -> Callable[[str], dict[str, object]]:
    def read(value: str) -> dict[str, object]:
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(value)
        return {name: number}

    return read


def _position(value: str) -> dict[str, object]:
    lat_deg, lon_deg = (float(part) for part in value.replace(",", " ").split())
    if lat_deg == lon_deg == 0:
        return {}  # what a receiver without a fix writes
    if not (abs(lat_deg) <= 90 and abs(lon_deg) <= 180):
        raise ValueError(value)
    return {"lat_deg": lat_deg, "lon_deg": lon_deg}


def _timestamp(value: str) -> dict[str, object]:
    if ":" not in value:
        raise ValueError(value)  # a day alone, which `fromisoformat` would take for its midnight
    stamp = datetime.fromisoformat(value)
    zone_of(stamp)  # refuses offsets that no place on Earth keeps
    return {"stamp": stamp}


def _time_expansion(value: str) -> dict[str, object]:
    factor = int(value)
    if not 1 <= factor <= _MAX_EXPANSION:
        raise ValueError(value)
    return {"time_expansion": factor}


_GUANO: dict[str, Callable[[str], dict[str, object]]] = {
    "Make": lambda value: {"make": value},
    "Model": lambda value: {"model": value},
    "Serial": lambda value: {"serial": value},
    "Loc Position": _position,
    "OAD|Battery Voltage": _figure("battery_v"),
    "Temperature Int": _figure("temperature_c"),
    "Temperature Ext": _figure("temperature_c"),
    "TE": _time_expansion,
    "Timestamp": _timestamp,
}
"""Reader of each GUANO field that is used; a later one of the same name stands."""
