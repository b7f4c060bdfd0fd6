"""An evaluation of a user's own folder: made from what is there, strict about groups, plain about what is missing."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from scipy.io import wavfile

from rab.cli import rab
from rab.domain import EmbeddedBatch
from rab.embedders.base import Embedder
from rab.errors import InputError, NotFound
from rab.evals.own import OwnSuite, make_suite, read_own, run_own
from rab.evals.own_labels import Source, own_windows, read_folder

RATE_HZ = 48_000
PITCHES_HZ = {"Strix aluco": 1200.0, "Turdus merula": 3200.0}


def write_calls(path: Path, pitches_hz: Sequence[float], *, seed: int) -> None:
    """Write three seconds for each pitch, calls in faint noise that no two files share."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = np.random.default_rng(seed)
    t_s = np.arange(3 * RATE_HZ) / RATE_HZ
    on = t_s % 0.6 < 0.25
    rate = 1 + 0.1 * drawn.random()
    calls = [np.sin(2 * np.pi * hz * rate * (t_s + 0.3 * t_s**2)) * on for hz in pitches_hz]
    sound = 0.3 * np.concatenate(calls) + 0.01 * drawn.standard_normal(3 * RATE_HZ * len(calls))
    wavfile.write(path, RATE_HZ, (32_767 * sound).astype(np.int16))


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
    windows = own_windows(read, birdnet, None)
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
    windows = own_windows(read_folder(tmp_path, Source()), birdnet, None)
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
        assert "rab-eval 1" == json.loads(file.read_text())["format"]
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
