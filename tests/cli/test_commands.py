"""Every command: its words, its JSON, its exit code."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rab.domain import EvidencePack, IngestReport, Interpretation, MonitoringSummary
from rab.embedders.weights import MODELS
from rab.samples.table import SAMPLES

Rab = Callable[..., Any]
BLACKBIRD = 'site=UrbanSoundscape taxon="Turdus merula"'


@pytest.fixture
def segment(rab: Rab) -> str:
    """Return the id of a segment in which a Eurasian Blackbird is detected."""
    found: str = loaded(rab("segments", "--where", BLACKBIRD, "--json"))[0]["segment"]["id"]
    return found


def loaded(answer: Any) -> Any:
    """Return what a command printed as JSON; it ended well, and standard error is empty."""
    assert (0, "") == (answer.code, answer.err)
    return json.loads(answer.out)


def assert_refused(answer: Any, code: int, *words: str) -> None:
    """Hold an error against its form: message and next step on standard error, nothing else, no traceback."""
    assert (code, "") == (answer.code, answer.out)
    assert re.fullmatch(r"error: .+\n  next: .+\n", answer.err), answer.err
    assert all(word in answer.err for word in words), answer.err


def test_done_files_are_passed_over(rab: Rab, samples_dir: Path) -> None:
    """The same ingest again embeds nothing, and its JSON is a report."""
    report = IngestReport.model_validate(
        loaded(
            rab("ingest", samples_dir / "opensoundscape", "--deployments", samples_dir / "deployments.csv", "--json")
        )
    )
    assert (1, 0, 1, 0) == (report.n_files, report.n_ingested, report.n_already_done, report.n_segments)


def test_recordings_and_segments_are_listed(rab: Rab) -> None:
    """Words and JSON list the same, and pages lie side by side."""
    assert rab("recordings").out.endswith("6 of 6 recordings\n")
    recordings = loaded(rab("recordings", "--json"))
    assert recordings[2:4] == loaded(rab("recordings", "--limit", 2, "--offset", 2, "--json"))
    words = rab("segments", "--where", BLACKBIRD)
    segments = loaded(rab("segments", "--where", BLACKBIRD, "--json"))
    assert words.out.endswith(f"{len(segments)} segments\n")
    assert all(one["segment"]["id"][:12] in words.out for one in segments)
    assert "Eurasian Blackbird (Turdus merula), raw score" in words.out


def test_similar_evidence_and_interpretation(rab: Rab, segment: str) -> None:
    """The three questions about a call rest on one pack, in words and as JSON."""
    pack = EvidencePack.model_validate(loaded(rab("evidence", segment, "--json")))
    assert [entry.model_dump(mode="json") for entry in pack.neighbours] == loaded(rab("similar", segment, "--json"))
    assert f"Evidence Pack {pack.pack_id}" in rab("evidence", segment[:8]).out
    similar = rab("similar", segment).out
    assert all(entry.call.segment_id in similar for entry in pack.neighbours)
    interpretation = Interpretation.model_validate(loaded(rab("interpret", segment, "--json")))
    assert pack == interpretation.pack
    words = rab("interpret", segment).out
    assert all(claim.text.split(";")[0][:40] in words.replace("\n", " ") for claim in interpretation.claims[:1])
    assert pack.pack_id in words


def test_evidence_schema_and_thumbnails(rab: Rab, segment: str) -> None:
    """The schema is printed without a library; thumbnails travel with the pack, outside of its seal."""
    assert EvidencePack.model_json_schema(mode="serialization") == loaded(rab("evidence", "--schema"))
    plain, pictured = (loaded(rab("evidence", segment, *more, "--json")) for more in ((), ("--thumbnails",)))
    assert plain["pack_id"] == pictured["pack_id"]
    assert {} == plain["thumbnails"] != pictured["thumbnails"]


def test_what_the_library_does_not_have_is_told(rab: Rab, segment: str, tmp_path: Path) -> None:
    """An answer to a filter by an unknown name says why it is empty: on standard error, or in the text with notes."""
    note = "the library has no site Qqq, nor one with a name like it"
    asked = ("--where", "site=Qqq")
    for command in (("segments",), ("similar", segment), ("detections",), ("report", "--into", tmp_path / "report")):
        answer = rab(*command, *asked)
        assert (0, f"note: {note}\n") == (answer.code, answer.err)
    assert rab("drift", *asked).err.startswith(f"note: {note}\n")
    for command in (("summary",), ("evidence", segment), ("interpret", segment)):
        answer = rab(*command, *asked)
        assert (0, "", 1) == (answer.code, answer.err, answer.out.count(note))
    assert note in (tmp_path / "report" / "report.md").read_text("utf-8")


def test_a_common_name_is_understood(rab: Rab) -> None:
    """It finds what the scientific name finds, and that is said."""
    answer = rab("segments", "--where", 'taxon="Eurasian Blackbird"')
    assert rab("segments", "--where", 'taxon="Turdus merula"').out == answer.out
    assert 'note: taxon="Eurasian Blackbird" is read as "Turdus merula"\n' == answer.err


def test_similar_gives_as_many_as_are_asked_for(rab: Rab, segment: str) -> None:
    """With a limit nothing is cut, and order is similarity's; variety keeps the nearest first and brings others."""
    plain = loaded(rab("similar", segment, "--limit", "12", "--json"))
    similarities = [entry["similarity"] for entry in plain]
    assert (12, sorted(similarities, reverse=True)) == (len(plain), similarities)
    assert [f"similar-{n}" for n in range(1, 13)] == [entry["key"] for entry in plain]
    varied = loaded(rab("similar", segment, "--limit", "12", "--variety", "0.6", "--json"))
    ids, others = ([entry["call"]["segment_id"] for entry in some] for some in (plain, varied))
    assert ids[0] == others[0]
    assert set(ids) != set(others)
    assert 2 == rab("similar", segment, "--variety", "0.5").code


def test_similar_under_a_filter_that_admits_nothing_says_so(rab: Rab, segment: str) -> None:
    """No neighbour is an answer, in words."""
    assert "no other call is stored that the filter admits\n" == rab("similar", segment, "--where", "site=Nowhere").out


def test_summary_and_report(rab: Rab, home: Path, tmp_path: Path) -> None:
    """The summary names its birds and its pack; the report stands where it is said to stand."""
    summary = MonitoringSummary.model_validate(loaded(rab("summary", "--json")))
    words = rab("summary").out
    assert "Eurasian Blackbird" in words
    assert summary.pack.pack_id in words
    assert home / "reports" / summary.pack.pack_id[:12] / "report.html" == Path(loaded(rab("report", "--json"))["html"])
    elsewhere = rab("report", "--where", "site=UrbanSoundscape", "--into", tmp_path / "ü")
    assert 0 == elsewhere.code
    files = [Path(line.split(maxsplit=1)[1]) for line in elsewhere.out.splitlines()]
    assert ["report.html", "report.md", "report.json"] == [path.name for path in files if path.is_file()]
    (summarised, *_) = json.loads(files[2].read_text(encoding="utf-8"))["passages"]
    assert "site=UrbanSoundscape" == summarised["text"]["pack"]["subject"]


def test_clusters_are_listed_and_filtered_by(rab: Rab) -> None:
    """Clusters come with their size and names, and `cluster=` finds their members."""
    clusters = loaded(rab("cluster", "--json"))["clusters"]
    assert all(f"{one['id']:<10} {one['n_members']:5} calls" in rab("cluster").out for one in clusters)
    for one in clusters:
        assert one["n_members"] == len(loaded(rab("segments", "--where", f"cluster={one['id']}", "--json")))


def test_label_is_kept_with_its_author(rab: Rab, rab_process: Rab, samples_dir: Path, tmp_path: Path) -> None:
    """A label names the call from then on, whatever letters its words have."""
    sound = samples_dir / "opensoundscape"
    assert 0 == rab_process("ingest", sound, "--site", "Šumava „B“ 🐦", home=tmp_path).code
    options = ("--home", tmp_path)
    stored = loaded(rab(*options, "segments", "--where", 'site="Šumava „B“ 🐦"', "--json"))
    segment = stored[0]["segment"]["id"]
    given = rab(*options, "label", segment[:8], "Setophaga fusca", "--by", "Žofie")
    assert (0, f"{segment}: Setophaga fusca, by Žofie\n") == (given.code, given.out)
    assert "label by Žofie" in rab(*options, "segments").out
    assert_refused(rab(*options, "label", segment, " ", "--by", "Žofie"), 2, "needs a taxon")


def test_models_are_listed_verified_and_licensed(rab: Rab) -> None:
    """The model is installed, its bytes are as published, and its licence prints in full."""
    rows = loaded(rab("models", "list", "--json"))
    assert [*MODELS] == [row["key"] for row in rows]
    assert "installed" == next(row["state"] for row in rows if row["key"] == "birdnet-v2.4")
    verified = rab("models", "verify", "birdnet-v2.4").out
    assert all(member.sha256 in verified for member in MODELS["birdnet-v2.4"].members)
    assert "NonCommercial" in rab("models", "licence", "birdnet-v2.4").out
    assert "is installed in" in rab("models", "install", "birdnet-v2.4").out


def test_samples_that_are_there_are_kept(rab: Rab, samples_dir: Path) -> None:
    """Fetching again ends well and tells how much there is."""
    report = loaded(rab("samples", "fetch", "--into", samples_dir, "--json"))
    assert sum(name.lower().endswith(".wav") for one in SAMPLES for name in one.sha256) == len(report["recordings"])
    assert "32 recordings, 5.4 minutes of sound" in rab("samples", "fetch", "--into", samples_dir).out


def test_evaluations_are_listed(rab: Rab) -> None:
    """The mechanical suite stands in the list with its cases."""
    suites = {suite["name"]: suite for suite in loaded(rab("eval", "list", "--json"))}
    words = rab("eval", "list").out
    assert all(case["name"] in words for case in suites["mechanical"]["cases"])


def test_evaluation_that_misses_a_gate_ends_in_six(rab: Rab, tmp_path: Path, samples_dir: Path) -> None:
    """On recordings that are not those of the baseline the exit code says that a gate was missed, or all is well."""
    answer = rab("eval", "run", "mechanical", "--data", samples_dir / "opensoundscape", "--json")
    verdicts = json.loads(answer.out)["verdicts"]
    assert (0 if all(one["passed"] for one in verdicts) else 6) == answer.code


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["evidence", "00000000"], 3, ["there is no segment 00000000", "`rab segments` lists them"]),
        (["evidence", "zz"], 2, ["'zz' is no segment"]),
        (["interpret", "../../etc"], 3, ["there is no file ../../etc"]),
        (["interpret", "etc"], 2, ["'etc' is no segment"]),
        (["segments", "--where", "colour=red"], 2, ["colour=", "write it like this"]),
        (["segments", "--model", "perch-v2"], 3, ["rab ingest PATH… --model perch-v2"]),
        (["summary", "--model", "perch-v2"], 3, ["nothing in this library"]),
        (["ingest", ".", "--model", "nobody"], 3, ["models: birdnet-v2.4"]),
        (["ingest", ".", "--hop", "-5"], 2, ["--hop -5.0", "greater than 0"]),
        (["ingest", ".", "--site", "A", "--lat", "95", "--lon", "3"], 2, ["--lat 95.0"]),
        (["ingest", ".", "--site", "A", "--lat", "5"], 2, ["--lat and --lon"]),
        (["ingest", ".", "--site", "A", "--zone", "Foo/Bar"], 2, ["Foo/Bar", "Europe/Amsterdam"]),
        (["ingest", ".", "--lat", "5", "--lon", "5"], 2, ["--site NAME"]),
        (["ingest", ".", "--channels", "left"], 2, ["--channels left"]),
        (["ingest", ".", "--deployments", "nowhere.csv"], 3, ["nowhere.csv"]),
        (["models", "verify", "nobody"], 3, ["birdnet-v2.4"]),
        (["eval", "run", "nobody"], 3, ["mechanical"]),
        (["--log-level", "LOUD", "recordings"], 2, ["RAB_LOG_LEVEL"]),
        (["serve", "--host", "203.0.113.1", "--port", "0"], 7, ["203.0.113.1:0 cannot be listened on"]),
    ],
)
def test_errors_name_the_next_step(rab: Rab, arguments: list[str], code: int, words: list[str]) -> None:
    """Each refusal prints its message and its next step, and ends in the code of its family."""
    assert_refused(rab(*arguments), code, *words)


def test_usage_errors_end_in_two(rab: Rab) -> None:
    """A missing argument is an error of usage, told with the command that helps."""
    for arguments in (["ingest"], ["evidence"], ["label", "abcdef"], ["segments", "--limit", "0"]):
        answer = rab(*arguments)
        assert (2, True) == (answer.code, "--help" in answer.err)


def test_data_directory_that_cannot_be_is_named(rab: Rab, tmp_path: Path) -> None:
    """A home that is a file, or lies in one, is refused with its name."""
    file = tmp_path / "file"
    file.write_text("")
    for home in (file, file / "home"):
        assert_refused(rab("--home", home, "recordings"), 7, str(home), "--home or RAB_HOME")


def test_failed_files_end_in_four(rab_process: Rab, samples_dir: Path, tmp_path: Path) -> None:
    """Exit code 4, the good file in, the broken one in words and in JSON with its code, message and hint."""
    (tmp_path / "empty.WAV").write_bytes(b"")
    good = samples_dir / "opensoundscape" / "birds_10s.wav"
    home = tmp_path / "home"
    answer = rab_process("ingest", good, tmp_path / "empty.WAV", "--json", home=home)
    report = IngestReport.model_validate_json(answer.out)
    assert (4, "", 1) == (answer.code, answer.err, report.n_ingested)
    (failure,) = report.failures
    assert (str(tmp_path / "empty.WAV"), "audio", True) == (failure.path, failure.code, "0 bytes" in failure.message)
    answer = rab_process("ingest", good, tmp_path / "empty.WAV", home=home)
    assert (4, True) == (answer.code, f"failed {tmp_path / 'empty.WAV'}: {failure.message}\n  next: " in answer.out)


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_disk_that_takes_no_more_is_told(rab_process: Rab, samples_dir: Path, tmp_path: Path) -> None:
    """Where the catalog cannot grow, every file is listed with the reason, and the next run completes the ingest."""
    import resource

    sounds, home = samples_dir / "pykanto" / "STORM-PETREL", tmp_path / "home"
    assert 0 == rab_process("ingest", samples_dir / "opensoundscape", home=home).code
    limit = 64 * 1024
    answer = rab_process(
        "ingest",
        sounds,
        "--json",
        home=home,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    report = IngestReport.model_validate_json(answer.out)
    assert (4, "", 0) == (answer.code, answer.err, report.n_ingested)
    assert {*map(str, sounds.glob("*.wav"))} <= {failure.path for failure in report.failures}
    assert {"storage_failed"} == {failure.code for failure in report.failures}
    again = rab_process("ingest", sounds, "--json", home=home)
    assert (0, 2) == (again.code, IngestReport.model_validate_json(again.out).n_ingested)


def test_home_comes_from_a_file_of_settings(rab_process: Rab, home: Path, tmp_path: Path) -> None:
    """`.env` in the working folder names the data directory, the environment wins over it, and `--home` over both."""
    (tmp_path / ".env").write_text(f"RAB_HOME={home.as_posix()}\nRAB_LOG_LEVEL=info\n", encoding="utf-8")
    full, empty = "6 of 6 recordings\n", "0 of 0 recordings\n"
    assert rab_process("recordings", home=None, cwd=tmp_path).out.endswith(full)
    assert empty == rab_process("recordings", home=tmp_path / "empty", cwd=tmp_path).out
    assert rab_process("--home", home, "recordings", home=tmp_path / "empty", cwd=tmp_path).out.endswith(full)
