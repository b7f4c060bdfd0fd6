"""The sequences suite asks what its data names, and its gates hold on a few seeds."""

from rab.evals import sequences as suite
from rab.evals.base import EvalRun, judge
from rab.evals.suites import read_suite


def test_gates_hold(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Planted motifs and changes are found, and controls stay silent; every case of the data is answered."""
    monkeypatch.setattr(suite, "_N_SEEDS", 12)
    scores = suite.run_sequences(None, [], seed=20260101)  # type: ignore[arg-type]
    run = EvalRun(
        suite="sequences",
        model="none",
        weights_sha256="",
        code_version="0",
        data_sha256="",
        machine="",
        seed=20260101,
        scores=scores,
    )
    data = read_suite("sequences")
    assert [case.name for case in data.cases] == [score.case for score in scores]
    assert [] == [verdict.words for verdict in judge(run, data, None) if not verdict.passed]
