"""An evaluation of a user's own folder: made from what is there, strict about groups, plain about what is missing."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile

from rab.cli import rab
from rab.domain import EmbeddedBatch
from rab.embedders.base import Embedder
from rab.errors import InputError, NotFound
from rab.evals import labelled, own_labels
from rab.evals.base import Score
from rab.evals.kept import KeptRun
from rab.evals.own import OwnSuite, make_suite, read_own, run_own
from rab.evals.own_labels import Source, own_windows, read_folder
from rab.evals.own_questions import TOLERANCE, Question, gate_of

RATE_HZ = 48_000
PITCHES_HZ = {"Strix aluco": 1200.0, "Turdus merula": 3200.0}


def write_calls(path: Path, pitches_hz: Sequence[float], *, seed: int, ms: int = 3000) -> None:
    """Write three seconds for each pitch, calls in faint noise that no two files share, and keep the first of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = np.random.default_rng(seed)
    t_s = np.arange(3 * RATE_HZ) / RATE_HZ
    on = t_s % 0.6 < 0.25
    rate = 1 + 0.1 * drawn.random()
    calls = [np.sin(2 * np.pi * hz * rate * (t_s + 0.3 * t_s**2)) * on for hz in pitches_hz]
    sound = 0.3 * np.concatenate(calls) + 0.01 * drawn.standard_normal(3 * RATE_HZ * len(calls))
    wavfile.write(path, RATE_HZ, (32_767 * sound[: ms * RATE_HZ // 1000 * len(calls)]).astype(np.int16))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a sub-folder of six recordings for each of two labels."""
    root = tmp_path_factory.mktemp("own") / "my wood"
    for place, (label, hz) in enumerate(PITCHES_HZ.items()):
        for i in range(6):
            write_calls(root / label.replace(" ", "_") / f"{i}.wav", [hz], seed=10 * place + i)
    return root


def table(folder: Path, rows: Sequence[dict[str, str]], name: str = "labels.csv") -> Path:
    """Write a table of labels."""
    with (folder / name).open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / name


def rows_of(folder: Path) -> list[dict[str, str]]:
    """Return a row for each recording of sub-folders, with two recordists."""
    files = sorted(folder.rglob("*.wav"))
    return [
        {
            "path": file.relative_to(folder).as_posix(),
            "Kind": file.parent.name,
            "Recordist": ("ann", "ben")[int(file.stem) % 2],
        }
        for file in files
    ]


@pytest.fixture(scope="module")
def made(folders: Path, birdnet: Embedder) -> OwnSuite:
    """Return the evaluation of the folder as the first run makes it."""
    return make_suite(folders, Source(), birdnet)


def test_sub_folders_are_labels_and_recordings_are_groups(made: OwnSuite) -> None:
    """Without a table the evaluation says what it took for labels and groups, and asks what they allow."""
    assert {"Strix aluco": 6, "Turdus merula": 6} == made.labels
    assert ("recording", 12, 12) == (made.grouped_by, made.n_recordings, made.n_windows)
    asked = {case.name for case in made.suite.cases}
    assert {"map_cosine", "map_reranked", "vote_right", "vote_aurc", "probe_1", "copies_across_groups"} <= asked
    assert "probe_16" not in asked
    assert any(note.startswith("not asked: probe_16") for note in made.notes)
    assert set(made.measured) == asked


def test_the_first_run_passes_its_own_gates(made: OwnSuite, folders: Path, birdnet: Embedder) -> None:
    """What was measured is measured again, every score with its interval or a reason, and every case passes."""
    kept = run_own(made, folders, birdnet)
    assert kept.passed
    assert made.data_sha256 == kept.run.data_sha256
    assert made.labels_sha256 == kept.run.labels_sha256
    assert made.measured == pytest.approx({one.case: one.value for one in kept.run.scores}, abs=1e-5)
    heard = next(one for one in kept.run.scores if one.case == "map_cosine").instances[0]
    assert Path(heard.recording or "").is_file()


def test_a_model_that_hears_nothing_fails(made: OwnSuite, folders: Path, birdnet: Embedder) -> None:
    """Embeddings by chance miss the gates that the first run set."""

    class Deaf:
        card, taxa = birdnet.card, birdnet.taxa

        def embed(self, windows: npt.NDArray[np.float32]) -> EmbeddedBatch:
            """Answer by chance."""
            heard = birdnet.embed(windows)
            noise = np.random.default_rng(3).normal(size=heard.embeddings.shape).astype(np.float32)
            return EmbeddedBatch(noise, heard.logits)

    failed = {one.case for one in run_own(made, folders, Deaf()).verdicts if not one.passed}
    assert {"map_cosine", "vote_right"} <= failed


def test_labels_that_were_changed_are_told_apart(
    made: OwnSuite, folders: Path, tmp_path: Path, birdnet: Embedder
) -> None:
    """Recordings under the wrong label fail gates, and the digest of labels says that they are others."""
    for i, file in enumerate(sorted(folders.rglob("*.wav"))):
        target = tmp_path / folders.name / ("Strix_aluco", "Turdus_merula")[i % 2] / f"{i}.wav"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    kept = run_own(made, tmp_path / folders.name, birdnet)
    assert made.labels_sha256 != kept.run.labels_sha256
    assert not kept.passed


def test_a_group_column_holds_recordings_apart(folders: Path, tmp_path: Path, birdnet: Embedder) -> None:
    """A table names labels and groups under names of its own; recordings of one recordist are one group."""
    listed = table(tmp_path, rows_of(folders))
    read = read_folder(folders, Source(labels=str(listed), label_column="kind", group_column="recordist"))
    assert "column 'recordist'" == read.grouped_by
    windows = own_windows(read, birdnet, None).windows
    assert {"ann", "ben"} == set(windows.groups.tolist())
    assert {"Strix_aluco", "Turdus_merula"} == set(windows.labels.tolist())


def test_a_missing_group_column_is_said(folders: Path, tmp_path: Path) -> None:
    """Without a group column a recording is a group, and columns that might do are named; a wrong name is an error."""
    listed = table(tmp_path, rows_of(folders))
    read = read_folder(folders, Source(labels=str(listed), label_column="kind"))
    assert any("no group column" in note and "recordist" in note for note in read.notes)
    with pytest.raises(InputError, match="no column 'site'") as caught:
        read_folder(folders, Source(labels=str(listed), label_column="kind", group_column="site"))
    assert "recordist" in caught.value.hint


def test_selection_tables_label_windows(tmp_path: Path, birdnet: Embedder) -> None:
    """Raven's tables beside recordings give each window the label that sounds in it."""
    for i in range(4):
        write_calls(tmp_path / f"{i}.wav", list(PITCHES_HZ.values()), seed=i)
        lines = ["Selection\tBegin Time (s)\tEnd Time (s)\tSpecies"]
        lines += [f"{n}\t{3 * n}\t{3 * n + 2.5}\t{label}" for n, label in enumerate(PITCHES_HZ)]
        (tmp_path / f"{i}.Table.1.selections.txt").write_text("\n".join(lines) + "\n")
    windows = own_windows(read_folder(tmp_path, Source()), birdnet, None).windows
    assert ["Strix aluco", "Turdus merula"] * 4 == windows.labels.tolist()
    assert 4 == len(set(windows.groups.tolist()))


def test_too_few_labels_are_refused(folders: Path, tmp_path: Path, birdnet: Embedder) -> None:
    """Labels that stand in a single group cannot be asked, and the message counts them."""
    rows = [row | {"Recordist": row["Kind"]} for row in rows_of(folders)]
    listed = table(tmp_path, rows)
    source = Source(labels=str(listed), label_column="kind", group_column="recordist")
    with pytest.raises(InputError, match=r"0 label\(s\) stand in two groups.*Strix_aluco in 1"):
        make_suite(folders, source, birdnet)


def test_a_recording_in_two_groups_is_refused(folders: Path, tmp_path: Path) -> None:
    """A recording that two rows give to two groups would stand on both sides of a split."""
    rows = rows_of(folders)
    listed = table(tmp_path, [*rows, rows[0] | {"Recordist": "cid"}])
    with pytest.raises(InputError, match="stands in two groups"):
        read_folder(folders, Source(labels=str(listed), label_column="kind", group_column="recordist"))


def test_copies_across_groups_are_counted(tmp_path: Path, birdnet: Embedder) -> None:
    """One sound under two names in two groups is found, with its twin."""
    for place, (label, hz) in enumerate(PITCHES_HZ.items()):
        for i in range(4):
            write_calls(tmp_path / label / f"{i}.wav", [hz], seed=10 * place + i)
    (tmp_path / "Strix aluco" / "again.wav").write_bytes((tmp_path / "Strix aluco" / "0.wav").read_bytes() + b"\0\0")
    made = make_suite(tmp_path, Source(), birdnet)
    assert made.measured["copies_across_groups"] >= 2 / 9 - 1e-6


def red(kept: KeptRun) -> dict[str, str]:
    """Return the cases that failed, with their words."""
    return {one.case: one.words for one in kept.verdicts if not one.passed}


@pytest.fixture
def with_short_ones(tmp_path: Path) -> Path:
    """Return a folder of two labels of three seconds and one of which every recording lasts one and a half."""
    for place, (label, hz) in enumerate((PITCHES_HZ | {"Strepera graculina": 5200.0}).items()):
        for i in range(3):
            write_calls(tmp_path / label / f"{i}.wav", [hz], seed=10 * place + i, ms=1500 if place == 2 else 3000)
    return tmp_path


def test_a_label_that_vanishes_is_named(
    with_short_ones: Path, birdnet: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows that must be longer than all recordings of a label turn two cases red, and it is counted."""
    made = make_suite(with_short_ones, Source(), birdnet)
    assert ({}, {}) == (made.n_left_out, made.n_unused)
    assert {} == red(run_own(made, with_short_ones, birdnet))
    monkeypatch.setattr(labelled, "_MIN_SOUND_MS", 2000.0)
    kept = run_own(made, with_short_ones, birdnet)
    assert {"lost_label_share", "left_out_share"} <= red(kept).keys()
    instances = {one.case: one.instances for one in kept.run.scores}
    assert ["Strepera graculina"] == [one.name for one in instances["lost_label_share"]]
    assert 3 == len(instances["left_out_share"])
    assert "| Strepera graculina | 0 | 0 | 3 | 3 |" in kept.run.tables[0]
    assert any(note.startswith("left out: Strepera graculina, 3 of 3 labelled parts (3: ") for note in kept.notes)


def test_a_label_of_short_cuts_is_counted_from_the_start(with_short_ones: Path, birdnet: Embedder) -> None:
    """Half a second is no window: the label is named with its count, and its recordings are counted apart."""
    for i in range(3):
        write_calls(with_short_ones / "Strepera graculina" / f"{i}.wav", [5200.0], seed=i, ms=500)
    made = make_suite(with_short_ones, Source(), birdnet)
    assert {"Strepera graculina": 3} == made.n_left_out
    assert (6, {"shorter than a second": 3}) == (made.n_recordings, made.n_unused)
    assert any(note.startswith("left out: Strepera graculina, 3 of 3") for note in made.notes)
    assert 1 / 3 == pytest.approx(made.measured["left_out_share"], abs=1e-5)


def test_groups_that_are_ignored_are_told(
    folders: Path, tmp_path: Path, birdnet: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its group column every recording is a group of its own: that is said, by case, line and words."""
    listed = table(tmp_path, [row | {"Recordist": f"r{i % 3}"} for i, row in enumerate(rows_of(folders))])
    source = Source(labels=str(listed), label_column="kind", group_column="recordist")
    made = make_suite(folders, source, birdnet)
    assert {} == red(run_own(made, folders, birdnet))
    whole = own_labels._grouped
    monkeypatch.setattr(own_labels, "_grouped", lambda folder, read, _, *more: whole(folder, read, {}, *more))
    kept = run_own(made, folders, birdnet)
    assert "labels or groups are not those that were measured: 12 recordings with others" in red(kept)["changed_share"]
    assert any("12 recordings with others" in note for note in kept.notes)
    assert all("no baseline for these labels or groups" in one.words for one in kept.verdicts if one.passed)
    changed = next(one for one in kept.run.scores if one.case == "changed_share").instances
    assert (12, True) == (len(changed), changed[0].words.endswith("was in 'r0'"))
    monkeypatch.undo()
    unnamed = made.model_copy(update={"source": source.model_copy(update={"group_column": None})})
    said = run_own(unnamed, folders, birdnet)
    assert "grouped by recording now, by column 'recordist' when it was measured" in said.notes
    assert "grouped by recording now" in red(said)["changed_share"]


@given(
    value=st.floats(0, 1),
    chance=st.floats(0, 1),
    width=st.floats(0, 1),
    n_groups=st.one_of(st.none(), st.integers(1, 200)),
    better=st.sampled_from(["higher", "lower"]),
)
def test_every_gate_can_be_missed_and_not_by_nothing(
    value: float, chance: float, width: float, n_groups: int | None, better: str
) -> None:
    """A gate lies between what was measured and what guessing reaches; what is no better than a guess has none."""
    score = Score(case="a", value=value, n=1, reason="", low=max(0.0, value - width), high=min(1.0, value + width))
    gate = gate_of(Question("a", "?", better, score, chance, n_groups))  # type: ignore[arg-type]
    ahead = value - chance if better == "higher" else chance - value
    if ahead < 2 * TOLERANCE:
        assert gate is None
    else:
        assert gate is not None
        room = (value - gate, gate - chance) if better == "higher" else (gate - value, chance - gate)
        assert min(room) >= TOLERANCE - 1e-4


@pytest.mark.parametrize(
    ("value", "chance", "better", "n_groups"),
    [(0.8667, 0.5, "higher", 3), (0.0, 0.5, "lower", 6), (1.0, 0.5, "higher", 2)],
)
def test_few_groups_leave_room(value: float, chance: float, better: str, n_groups: int) -> None:
    """Of few groups neither a perfect value is the gate nor nothing: one may be wrong, a guess may not pass."""
    low, high = (0.0, value) if better == "higher" else (value, value)
    score = Score(case="a", value=value, n=9, reason="", low=low, high=high)
    gate = gate_of(Question("a", "?", better, score, chance, n_groups))  # type: ignore[arg-type]
    assert gate == pytest.approx((value + chance) / 2, abs=1e-4)


def test_a_file_that_cannot_be_decoded_is_a_note(
    with_short_ones: Path, tmp_path_factory: pytest.TempPathFactory, models_dir: Path
) -> None:
    """One broken file is named with its reason, the others are measured, and the exit code tells; so does a run."""
    (with_short_ones / "Strix aluco" / "broken.wav").write_bytes(b"RIFF....WAVE")
    home = tmp_path_factory.mktemp("home")
    environment = {"RAB_MODELS_DIR": str(models_dir), "RAB_HOME": str(home)}
    done = CliRunner().invoke(rab, ["eval", "init", str(with_short_ones)], env=environment)
    assert (4, True) == (done.exit_code, "note: not used: Strix aluco/broken.wav cannot be read" in done.output)
    file = with_short_ones / "rab-eval.json"
    assert 9 == read_own(file).n_recordings
    done = CliRunner().invoke(rab, ["eval", "run", str(file)], env=environment)
    assert (4, True) == (done.exit_code, "Strix aluco/broken.wav cannot be read" in done.output)
    assert "broken.wav" in next((home / "evals").glob("*.html")).read_text()


def test_rows_that_cannot_be_used_are_told_in_words(folders: Path, tmp_path: Path) -> None:
    """A row without a recording is named by table and line, in words."""
    listed = table(tmp_path, [*rows_of(folders), {"path": "gone.wav", "Kind": "x", "Recordist": "ann"}])
    read = read_folder(folders, Source(labels=str(listed), label_column="kind"))
    assert ("labels.csv, line 14: there is no recording gone.wav (write its path within the folder)",) == read.failures


def test_a_folder_can_be_moved(folders: Path, tmp_path: Path, birdnet: Embedder) -> None:
    """No path of the machine is kept: the label table, and every recording, are found from the folder on."""
    first = tmp_path / "first"
    first.mkdir()
    for i, file in enumerate(sorted(folders.rglob("*.wav"))):
        (first / f"{i}.wav").write_bytes(file.read_bytes())
    rows = [row | {"path": f"{i}.wav"} for i, row in enumerate(rows_of(folders))]
    listed = table(first, rows, "what I heard.csv")
    made = make_suite(first, Source(labels=str(listed), label_column="kind"), birdnet)
    assert str(tmp_path) not in made.model_dump_json()
    assert "what I heard.csv" == made.source.labels
    moved = first.rename(tmp_path / "second")
    assert {} == red(run_own(made, moved, birdnet))


def test_a_file_that_is_no_evaluation_is_refused(tmp_path: Path) -> None:
    """Another JSON file, and one that is not there, are told apart."""
    (tmp_path / "rab-eval.json").write_text("{}")
    with pytest.raises(InputError, match="no evaluation"):
        read_own(tmp_path / "rab-eval.json")
    with pytest.raises(NotFound, match="no evaluation"):
        read_own(tmp_path / "gone.json")


def test_init_run_show_and_compare(folders: Path, tmp_path: Path, models_dir: Path) -> None:
    """From the command line: made once, run, kept with a page, listed, compared with itself, and not overwritten."""
    runner, home = CliRunner(), ["--home", str(tmp_path / "home")]
    environment = {"RAB_MODELS_DIR": str(models_dir)}

    def invoke(*words: str) -> tuple[int, str]:
        done = runner.invoke(rab, [*home, "eval", *words], env=environment)
        return done.exit_code, done.output

    code, said = invoke("init", str(folders))
    assert (0, True) == (code, "map_cosine" in said)
    file = folders / "rab-eval.json"
    try:
        assert "rab-eval 2" == json.loads(file.read_text())["format"]
        assert 0 == invoke("run", str(file))[0]
        kept = sorted((tmp_path / "home" / "evals").iterdir())
        assert [".html", ".jsonl"] == [one.suffix for one in kept]
        assert "<audio" in kept[0].read_text()
        assert kept[1].name in invoke("show")[1]
        assert "map_cosine" in invoke("show", "own")[1]
        code, said = invoke("compare", "own", kept[1].name)
        assert (0, True) == (code, "same" in said)
        assert 1 == invoke("init", str(folders))[0]
    finally:
        file.unlink()


def test_a_comparison_that_finds_it_worse_ends_in_six(tmp_path: Path) -> None:
    """Exit code 6 tells a script that a case got worse."""
    from rab.evals.base import Case, EvalRun, Score, Suite
    from rab.evals.kept import KeptRun, write_run

    suite = Suite(name="tiny", purpose="?", cases=(Case(name="a", asks="?", better="higher", gate=0, tolerance=0.1),))
    files = []
    for value in (0.9, 0.5):
        run = EvalRun(
            suite="tiny",
            model="m",
            weights_sha256="w",
            code_version="1",
            data_sha256="d",
            machine="m",
            seed=1,
            scores=(Score(case="a", value=value, n=1, reason=""),),
        )
        files.append(str(write_run(KeptRun(suite=suite, run=run), tmp_path)))
    done = CliRunner().invoke(rab, ["--home", str(tmp_path), "eval", "compare", *files])
    assert (6, True) == (done.exit_code, "worse" in done.output)
