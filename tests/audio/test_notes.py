"""Whose word counts: GUANO, the AudioMoth comment, the file's name, the deployment."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rab.audio.notes import audiomoth_facts, guano_facts, recorder_notes
from rab.domain import Deployment

GUANO = b"""GUANO|Version:1.0
Make:Open Acoustic Devices
Model:AudioMoth
Serial:242A2604603691DD
Timestamp:2025-05-03T03:13:00+02:00
Loc Position:52.146196 4.474776
OAD|Battery Voltage:3.8
Temperature Int:13.1
"""
COMMENT = (
    "Recorded at 03:14:15 03/05/2025 (UTC+1) by AudioMoth 24E144055E080032 at medium gain while battery was 4.2V"
    " and temperature was -1.5C."
)


def test_guano_is_read() -> None:
    """Each field that RAB uses, in its own unit; the others are left alone."""
    notes = recorder_notes("a.wav", guano=GUANO)
    assert notes.model_dump(exclude_defaults=True) == {
        "started_at": datetime(2025, 5, 3, 1, 13, tzinfo=UTC),
        "zone": "UTC+02:00",
        "lat_deg": 52.146196,
        "lon_deg": 4.474776,
        "make": "Open Acoustic Devices",
        "model": "AudioMoth",
        "serial": "242A2604603691DD",
        "temperature_c": 13.1,
        "battery_v": 3.8,
        "sources": ("guano",),
    }


def test_time_expansion_and_the_outer_thermometer_are_read() -> None:
    """The air's temperature stands before the recorder's own."""
    facts = guano_facts(b"TE: 10\r\nTemperature Ext: 8.5\r\nTemperature Int: 11\r\nNote: a line: with colons\0\0")
    assert facts.fields == {"time_expansion": 10, "temperature_c": 8.5}


@pytest.mark.parametrize(
    "line",
    [
        "Loc Position: 52.1",
        "Loc Position: 152.1 4.4",
        "Temperature Ext: nan",
        "OAD|Battery Voltage: full",
        "TE: 0",
        "TE: 1e999",
        "TE: 1000",
        "Timestamp: 2025-05-03T03:13:00+23:00",
        "Timestamp: 2025-05-03T03:13:00+01:00:30",
        "Timestamp: 2025-05-03",
        "Timestamp: yesterday at 5:30",
    ],
)
def test_a_guano_field_that_cannot_be_read_is_told(line: str) -> None:
    """It is left out, the others are kept, and a caveat names it."""
    facts = guano_facts(f"Make: Somebody\n{line}".encode())
    assert (facts.fields, facts.stamp) == ({"make": "Somebody"}, None)
    assert facts.caveats == (f"The GUANO field {line.partition(':')[0]} could not be read and was left out.",)


def test_a_receiver_without_a_fix_is_nowhere() -> None:
    """Zero degrees by zero degrees is what it writes; empty fields say nothing either."""
    assert guano_facts(b"Loc Position: 0.0 0.0\nTE:\nno colon here\n").fields == {}


@given(st.binary(max_size=200))
def test_any_bytes_may_stand_where_guano_should(text: bytes) -> None:
    """Damage gives caveats at worst."""
    assert recorder_notes("a.wav", guano=text + b"\nTimestamp:2025-05-03T03:13:00Z").started_at is not None


def test_an_audiomoth_comment_is_read() -> None:
    """Time with its offset, serial, gain, battery and temperature."""
    assert recorder_notes("a.wav", comment=COMMENT).model_dump(exclude_defaults=True) == {
        "started_at": datetime(2025, 5, 3, 2, 14, 15, tzinfo=UTC),
        "zone": "UTC+01:00",
        "make": "Open Acoustic Devices",
        "model": "AudioMoth",
        "serial": "24E144055E080032",
        "temperature_c": -1.5,
        "battery_v": 4.2,
        "gain": "medium",
        "sources": ("audiomoth",),
    }


@pytest.mark.parametrize(
    ("zone", "words", "expected", "stamp"),
    [
        (" (UTC)", "at gain setting 2 while battery state was < 3.6V", {"gain": "2"}, "2017-09-04T21:50:00+00:00"),
        ("", "at low-medium gain while battery was less than 2.5V", {"gain": "low-medium"}, "2017-09-04T21:50:00"),
        (
            " (UTC-3:30)",
            "during deployment 0123456789ABCDEF using external microphone at high gain while battery state was 4.9V",
            {"gain": "high", "battery_v": 4.9},
            "2017-09-04T21:50:00-03:30",
        ),
    ],
)
def test_each_firmware_words_it_differently(zone: str, words: str, expected: dict[str, object], stamp: str) -> None:
    """The first told no zone; a battery below or above what the recorder can measure was not measured."""
    facts = audiomoth_facts(f"Recorded at 21:50:00 04/09/2017{zone} by AudioMoth 0FE081F80FE081F0 {words}")
    told = {name: facts.fields[name] for name in ("gain", "battery_v", "temperature_c") if name in facts.fields}
    assert (told, facts.stamp) == (expected, datetime.fromisoformat(stamp))


@pytest.mark.parametrize("time", ["25:00:00 03/05/2025 (UTC)", "03:13:00 31/02/2025", "03:13:00 03/05/2025 (UTC+-9)"])
def test_an_impossible_time_in_a_comment_is_told(time: str) -> None:
    """The rest of the comment stands."""
    facts = audiomoth_facts(f"Recorded at {time} by AudioMoth 24E144055E080032 at medium gain")
    assert (facts.stamp, facts.fields["gain"]) == (None, "medium")
    assert facts.caveats == ("The time in the AudioMoth comment is no time and was left out.",)


def test_another_comment_tells_nothing() -> None:
    """And is no trouble."""
    assert recorder_notes("a.wav", comment="Recorded by hand").sources == ()


def test_guano_stands_before_the_comment_and_the_name() -> None:
    """Where all tell a time, GUANO's is taken; the comment still adds what GUANO does not have."""
    notes = recorder_notes("20200101_000000.WAV", guano=GUANO, comment=COMMENT)
    assert notes.started_at == datetime(2025, 5, 3, 1, 13, tzinfo=UTC)
    assert (notes.serial, notes.gain, notes.sources) == ("242A2604603691DD", "medium", ("guano", "audiomoth"))


def test_a_time_with_an_offset_stands_before_one_without() -> None:
    """The comment's instant is known; GUANO's time of day is not."""
    notes = recorder_notes("a.wav", guano=b"Timestamp: 2025-05-03T03:13:00", comment=COMMENT)
    assert (notes.started_at, notes.caveats) == (datetime(2025, 5, 3, 2, 14, 15, tzinfo=UTC), ())


def test_the_deployment_gives_the_zone_of_the_name() -> None:
    """The file's name and the table together tell the instant; the table's recorder fills in for the file's."""
    deployment = Deployment(site="north", lat_deg=52.1, lon_deg=4.4, zone="Europe/Amsterdam", recorder="SM4 no. 7")
    notes = recorder_notes("N_20190522_043000.wav", deployment=deployment)
    assert notes.model_dump(exclude_defaults=True) == {
        "started_at": datetime(2019, 5, 22, 2, 30, tzinfo=UTC),
        "zone": "Europe/Amsterdam",
        "lat_deg": 52.1,
        "lon_deg": 4.4,
        "model": "SM4 no. 7",
        "sources": ("file_name", "deployment"),
    }


def test_the_deployment_gives_the_habitat() -> None:
    """What grows around a recorder is known from the deployments table alone."""
    assert "spruce" == recorder_notes("a.wav", deployment=Deployment(site="north", habitat="spruce")).habitat
    assert recorder_notes("a.wav", guano=GUANO).habitat is None


def test_the_deployment_does_not_move_an_instant() -> None:
    """A recorder that kept UTC is not put on the site's clock; the site's zone is kept for local hours."""
    notes = recorder_notes("a.wav", guano=GUANO, deployment=Deployment(site="north", zone="utc+3", recorder="mine"))
    assert (notes.started_at, notes.zone) == (datetime(2025, 5, 3, 1, 13, tzinfo=UTC), "UTC+03:00")
    assert (notes.model, notes.sources) == ("AudioMoth", ("guano", "deployment"))


def test_a_card_of_another_site_is_told() -> None:
    """The table's position is taken, and the file's own is far from it."""
    notes = recorder_notes("a.wav", guano=GUANO, deployment=Deployment(site="south", lat_deg=46.5, lon_deg=6.2))
    assert (notes.lat_deg, notes.lon_deg) == (46.5, 6.2)
    assert notes.caveats == ("The file's own position is over 0.1 degrees from its deployment's, which was taken.",)
    near = recorder_notes("a.wav", guano=GUANO, deployment=Deployment(site="south", lat_deg=52.15, lon_deg=4.47))
    assert near.caveats == ()


@pytest.mark.parametrize(
    ("name", "caveat"),
    [
        ("a.wav", "No start time is known: neither the file nor its name tells it."),
        ("20190522_043000.wav", "The file's name gives a start time without a time zone, so the start is not known;"),
    ],
)
def test_an_unknown_start_is_always_told(name: str, caveat: str) -> None:
    """There is no start without a zone, and no silence about it; the sentence does not name the file."""
    notes = recorder_notes(name)
    assert (notes.started_at, notes.zone, notes.sources) == (None, None, ())
    assert len(notes.caveats) == 1
    assert notes.caveats[0].startswith(caveat)
    assert name not in notes.caveats[0]
