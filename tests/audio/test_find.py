"""Finding recordings in files, folders and whole cards."""

import os
import sys
from pathlib import Path

import pytest

from rab.audio import find_audio


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """Return a folder as a recorder, a Mac and Windows leave it."""
    names = [
        "B.WAV", "a.wav", "c.Flac", "d.ogg", "e.oga", "f.mp3", "g.aif", "h.AIFF", "i.w64", "j.rf64", "sub/deep/k.wav",
        "._a.wav", ".hidden.wav", ".Trashes/l.wav", "$RECYCLE.BIN/m.wav", "notes.txt", "CONFIG.TXT", "wav",
    ]  # fmt: skip
    for name in names:
        path = tmp_path / "card" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "card"


def test_a_card_is_searched_all_the_way_down(card: Path) -> None:
    """Sorted, with extensions of any case, and without what systems leave behind."""
    found = find_audio([card])
    expected = [
        "B.WAV",
        "a.wav",
        "c.Flac",
        "d.ogg",
        "e.oga",
        "f.mp3",
        "g.aif",
        "h.AIFF",
        "i.w64",
        "j.rf64",
        "sub/deep/k.wav",
    ]
    assert [file.relative_to(card).as_posix() for file in found.files] == expected
    assert found.failures == ()


def test_a_named_file_is_taken_whatever_its_name(card: Path) -> None:
    """Its content decides, when it is read."""
    named = [card / "notes.txt", card / ".hidden.wav"]
    assert find_audio(named).files == tuple(sorted(named))


def test_each_file_is_found_once(card: Path) -> None:
    """However often and by whatever way it is named."""
    twice = find_audio([card / "sub", card / "sub" / "deep" / "k.wav", card / "sub" / ".." / "sub"])
    assert twice.files == (card / "sub" / "deep" / "k.wav",)


def test_what_was_named_and_is_not_there_is_told(card: Path) -> None:
    """The rest is found all the same."""
    (card / "empty").mkdir()
    found = find_audio([card / "none.wav", card / "empty", card / "sub"])
    assert [(Path(f.path).name, f.code) for f in found.failures] == [("none.wav", "not_found"), ("empty", "input")]
    assert all(failure.message and failure.hint for failure in found.failures)
    assert len(found.files) == 1


def test_a_broken_link_is_left_to_reading(card: Path) -> None:
    """A recording that was there once is not passed over in silence."""
    (card / "sub" / "gone.wav").symlink_to(card / "gone.wav")
    assert len(find_audio([card / "sub"]).files) == 2


def test_links_that_lead_in_circles_are_left_to_reading(card: Path) -> None:
    """Named or found, a loop is told as what it is and stops nothing."""
    loop = card / "sub" / "loop.wav"
    loop.symlink_to(loop)
    assert loop in find_audio([card / "sub"]).files
    assert [failure.code for failure in find_audio([loop]).failures] == ["not_found"]


def test_a_name_that_no_disk_takes_is_told(tmp_path: Path) -> None:
    """The system's own reason is given."""
    (failure,) = find_audio([tmp_path / ("x" * 300)]).failures
    assert "cannot be looked into: file name too long" in failure.message


@pytest.mark.skipif(sys.platform != "linux", reason="only there are names any bytes")
def test_a_name_that_is_not_text_is_told(card: Path) -> None:
    """Names of cards written by old systems may be no UTF-8, and no catalog could keep them."""
    os.close(os.open(os.fsencode(card / "sub") + b"/for\xeat.wav", os.O_CREAT))
    found = find_audio([card / "sub"])
    assert [(failure.code, Path(failure.path).name) for failure in found.failures] == [("audio", "for\ufffdt.wav")]
    assert len(found.files) == 1
    (missing,) = find_audio([card / "\udcea.wav"]).failures
    assert missing.message.endswith("\ufffd.wav")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may list everything")
def test_a_folder_that_cannot_be_listed_is_told(card: Path) -> None:
    """And what lies beside it is found."""
    (card / "sub" / "deep").chmod(0)
    found = find_audio([card])
    (card / "sub" / "deep").chmod(0o700)
    assert [failure.message for failure in found.failures] == [
        f"{card}/sub/deep cannot be looked into: permission denied"
    ]
    assert len(found.files) == 10
