"""A licence that stands beside a recording is found, and none is made up."""

from pathlib import Path

from rab.audio import stated_licence


def test_licence_is_read_from_the_note_beside(tmp_path: Path) -> None:
    """The line that begins with `Licence:` counts; without a note or such a line there is no licence."""
    recording = tmp_path / "night.wav"
    assert stated_licence(recording) is None
    note = tmp_path / "night.wav.licence.txt"
    note.write_text("File: night.wav\n", encoding="utf-8")
    assert stated_licence(recording) is None
    note.write_text("File: night.wav\nLicence:    CC BY 4.0, by Ada\n", encoding="utf-8")
    assert stated_licence(recording) == "CC BY 4.0, by Ada"
