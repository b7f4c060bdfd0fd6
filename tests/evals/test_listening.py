"""A sheet plays what it asks about, hides what a judge should not know, and its verdicts are scored by ear alone."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.io import wavfile

from rab.cli import rab
from rab.domain import SignalQuality
from rab.embedders.base import Embedder
from rab.errors import InputError, NotFound
from rab.evals.base import EvalRun
from rab.evals.labelled import LabelledWindows
from rab.evals.listening import COLUMNS, K, Sheet, files_to_hear, questions, read_verdicts, score, write_sheet

RATE_HZ = 24_000
HEARD = SignalQuality(
    snr_db=20.0,
    snr_unmeasured=None,
    band_low_hz=1000.0,
    band_high_hz=2000.0,
    noise_floor_dbfs=-60.0,
    peak_dbfs=-6.0,
    clipped_fraction=0,
    overlap_fraction=0,
    rain=False,
    wind=False,
    silent=False,
)


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> LabelledWindows:
    """Return windows of two labels, twelve recordings each, which lie where their label does."""
    root = tmp_path_factory.mktemp("heard")
    drawn = np.random.default_rng(1)
    labels = ["=winter wren"] * 12 + ["barred owl"] * 12
    vectors = np.array([[1.0, 0.0] if label == "barred owl" else [0.0, 1.0] for label in labels])
    vectors = vectors + 0.1 * drawn.normal(size=vectors.shape)
    paths = tuple(root / f"{number}.wav" for number in range(24))
    for path in paths:
        wavfile.write(path, RATE_HZ, (3000 * drawn.standard_normal(RATE_HZ)).astype(np.int16))
    return LabelledWindows(
        vectors=np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32),
        logits=np.zeros((24, 1), np.float32),
        labels=np.array(labels),
        groups=np.array([f"group {number}" for number in range(24)]),
        sets=np.array(["made"] * 24),
        recording_ids=np.array([f"{number:064x}" for number in range(24)]),
        paths=paths,
        t0_ms=np.zeros(24),
        t1_ms=np.full(24, 1000.0),
        quality=(HEARD,) * 24,
    )


def sheet_of(windows: LabelledWindows, birdnet: Embedder, *, blind: bool = True) -> Sheet:
    return Sheet(windows, questions(windows, n=4, seed=3), birdnet.card, blind, 3)


def rows_of(file: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def filled(file: Path, verdict_of: dict[str, str] | None = None, *, until: int = K) -> Path:
    """Fill in a verdict file as somebody would who goes by the labels, up to a rank."""
    rows = rows_of(file)
    hidden = {(row["query"], row["result"]): row for row in rows_of(file.parent / "key.csv")}
    for row in rows:
        known = hidden[row["query"], row["result"]]
        by_label = "yes" if known["label"] == known["result_label"] else "no"
        row["verdict"] = (verdict_of or {}).get(f"{row['query']} {known['rank']}", by_label)
        row["verdict"] = row["verdict"] if int(known["rank"]) <= until else ""
    with file.open("w", encoding="utf-8", newline="") as text:
        table = csv.DictWriter(text, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return file


def values(run: EvalRun) -> dict[str, float | None]:
    return {one.case: one.value for one in run.scores}


def test_queries_come_from_labels_in_turn_and_never_ask_their_own_group(windows: LabelledWindows) -> None:
    """Four queries of two labels are two of each, and a query is not among its own ten nearest."""
    asked = questions(windows, n=4, seed=3)
    assert ["=winter wren", "=winter wren", "barred owl", "barred owl"] == sorted(
        str(windows.labels[one.at]) for one in asked
    )
    assert all(len(one.found) == K and one.at not in one.found for one in asked)
    expected = windows.vectors @ windows.vectors[asked[0].at]
    expected[asked[0].at] = -1
    assert tuple(np.argsort(-expected, kind="stable")[:K].tolist()) == asked[0].found


def test_a_blind_sheet_plays_all_and_names_no_label(
    windows: LabelledWindows, birdnet: Embedder, tmp_path: Path
) -> None:
    """Every query and result has a player and every result its choices; no label can be read, and order is dealt."""
    page, file, key = write_sheet(sheet_of(windows, birdnet), tmp_path)
    text = page.read_text(encoding="utf-8")
    body = text[: text.index('<script type="application/json"')]
    assert 4 * (K + 1) == body.count("<audio ")
    assert 4 * K * 3 == body.count('type="radio"')
    assert "barred" not in body
    assert "winter" not in body
    assert not re.search(r"(src|href)=\"https?:", text)
    numbers = [int(one) for one in re.findall(r'name="[0-9a-f]{8} (\d+)" value="yes"', body)]
    assert [*range(1, K + 1)] * 4 == numbers
    ranks = [int(row["rank"]) for row in rows_of(key)]
    assert [*range(1, K + 1)] * 4 != ranks
    assert [[*range(1, K + 1)]] * 4 == [sorted(ranks[K * i : K * (i + 1)]) for i in range(4)]
    lines = json.loads(re.search(r'id="lines">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    assert rows_of(file) == lines


def test_a_blind_judge_reads_no_label_anywhere(windows: LabelledWindows, birdnet: Embedder, tmp_path: Path) -> None:
    """The table to fill in and the whole page name no label, rank, group or file; the key has them for the scoring."""
    page, file, key = write_sheet(sheet_of(windows, birdnet), tmp_path)
    for text in (page.read_text(encoding="utf-8"), file.read_text(encoding="utf-8")):
        assert not [word for word in ("wren", "barred", "group 1", ".wav", "rank,") if word in text]
    assert list(COLUMNS) == list(rows_of(file)[0])
    assert {"=winter wren", "barred owl"} == {row["label"] for row in rows_of(key)}


def test_verdicts_need_the_key_of_their_sheet(windows: LabelledWindows, birdnet: Embedder, tmp_path: Path) -> None:
    """Verdicts that were saved elsewhere are scored by a named key, and never by that of another deal."""
    _, file, key = write_sheet(sheet_of(windows, birdnet), tmp_path / "one")
    saved = tmp_path / "verdicts.csv"
    saved.write_bytes(filled(file).read_bytes())
    with pytest.raises(NotFound, match=r"no key .*key\.csv"):
        read_verdicts(saved)
    assert read_verdicts(file) == read_verdicts(saved, key)
    again = Sheet(windows, questions(windows, n=4, seed=3), birdnet.card, True, 4)
    other = write_sheet(again, tmp_path / "two").key
    with pytest.raises(InputError, match="knows no result"):
        read_verdicts(saved, other)


def test_a_sheet_in_order_shows_rank_and_place(windows: LabelledWindows, birdnet: Embedder, tmp_path: Path) -> None:
    """Who wants to see the ranking sees it, with the recordings it is made of."""
    page, file, _ = write_sheet(sheet_of(windows, birdnet, blind=False), tmp_path)
    text = page.read_text(encoding="utf-8")
    assert text.index("rank 1,") < text.index("rank 2,")
    assert ".wav 0.000 s" in text
    assert {"=winter wren", "barred owl"} == {row["label"] for row in rows_of(file)}
    assert [f"{number}" for number in range(1, K + 1)] * 4 == [row["rank"] for row in rows_of(file)]
    assert 1.0 == values(score(read_verdicts(filled(file)), seed=1))["agreement_with_labels"]


def test_verdicts_are_scored_by_ear(windows: LabelledWindows, birdnet: Embedder, tmp_path: Path) -> None:
    """Who judges as the labels do agrees with them wholly; precision is that of the labels, with an interval."""
    sheet = sheet_of(windows, birdnet)
    _, file, _ = write_sheet(sheet, tmp_path)
    run = score(read_verdicts(filled(file)), seed=1)
    right = [windows.labels[at] == windows.labels[one.at] for one in sheet.asked for at in one.found]
    found = values(run)
    assert found["precision_at_10"] == pytest.approx(np.mean(right))
    assert (1.0, 0.0) == (found["agreement_with_labels"], found["unanswered_share"])
    assert run.scores[2].low is not None
    assert ("listening", birdnet.card.key) == (run.suite, run.model)


def test_ears_and_labels_may_differ(windows: LabelledWindows, birdnet: Embedder, tmp_path: Path) -> None:
    """A first result that the ear refuses lowers precision and agreement, and can be listened to again."""
    sheet = sheet_of(windows, birdnet)
    _, file, _ = write_sheet(sheet, tmp_path)
    run = score(read_verdicts(filled(file, {f"{one.name} 1": "no" for one in sheet.asked})), seed=1)
    assert 0.0 == values(run)["precision_at_1"]
    assert 0.9 == pytest.approx(values(run)["agreement_with_labels"])
    assert 4 == len(run.scores[0].instances)
    assert str(windows.paths[sheet.asked[0].found[0]]) in {one.recording for one in run.scores[0].instances}


def test_what_is_not_judged_is_counted_and_not_taken_for_wrong(
    windows: LabelledWindows, birdnet: Embedder, tmp_path: Path
) -> None:
    """With five of ten judged, precision rests on those, and half is told to be open; with none, nothing is scored."""
    _, file, _ = write_sheet(sheet_of(windows, birdnet), tmp_path)
    run = score(read_verdicts(filled(file, until=5)), seed=1)
    assert (20, 0.5) == (run.scores[2].n, values(run)["unanswered_share"])
    empty = values(score(read_verdicts(filled(file, until=0)), seed=1))
    assert (None, None, 1.0) == (empty["precision_at_1"], empty["agreement_with_labels"], empty["unanswered_share"])


def test_wrong_files_are_refused(windows: LabelledWindows, birdnet: Embedder, tmp_path: Path) -> None:
    """A word that is no verdict is named with its line, and so are a missing column and a missing file."""
    _, file, _ = write_sheet(sheet_of(windows, birdnet), tmp_path)
    first = read_verdicts(file)[0]
    with pytest.raises(InputError, match="line 2: 'maybe' is no verdict"):
        read_verdicts(filled(file, {f"{first.query} {first.rank}": "maybe"}))
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="columns"):
        read_verdicts(tmp_path / "other.csv")
    with pytest.raises(NotFound, match="no verdict file"):
        read_verdicts(tmp_path / "none.csv")


def test_too_few_recordings_are_refused(windows: LabelledWindows) -> None:
    """Ten results of other groups are the least, and the error says so."""
    with pytest.raises(InputError, match="ten others"):
        questions(windows.select(np.arange(6)), n=3, seed=1)


def test_command_writes_a_sheet_and_keeps_its_score(samples_dir: Path, models_dir: Path, tmp_path: Path) -> None:
    """From recordings without labels to a kept run of the suite, by the command line alone."""
    assert all(not one.label for one in files_to_hear([samples_dir / "pykanto"], labelled=False))
    env = {"RAB_HOME": str(tmp_path / "home"), "RAB_MODELS_DIR": str(models_dir)}
    data = ["--data", str(samples_dir / "pykanto"), "--no-labels", "--n", "2", "--out", str(tmp_path / "sheet")]
    made = CliRunner().invoke(rab, ["eval", "listen", *data, "--json"], env=env)
    assert made.exit_code == 0, made.output
    file = Path(json.loads(made.stdout)["verdicts"])
    scored = CliRunner().invoke(rab, ["eval", "listen", "--score", str(filled(file)), "--json"], env=env)
    assert scored.exit_code == 0, scored.output
    assert "listening" == json.loads(scored.stdout)["run"]["suite"]
    assert 2 == len(list((tmp_path / "home" / "evals").iterdir()))
