"""Probes learn from few examples, are judged on what they have not seen, and say where they do not know."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rab.domain.probe import Probe
from rab.embedders.base import Embedder
from rab.errors import InputError, SpaceMismatch
from rab.evals.labelled import labelled_files, labelled_windows
from rab.retrieval.probes import Examples, ProbePolicy, few_shot_curve, probe_scores, train_probe

DIM = 24
Vectors = npt.NDArray[np.float32]


def _examples(
    n_groups: int = 6, n_each: int = 4, *, spread: float = 0.25, of_group: float = 0.0, seed: int = 0
) -> Examples:
    """Return three classes around three directions, in groups that may have a direction of their own."""
    random = np.random.default_rng(seed)
    vectors, names, groups = [], [], []
    for number, name in enumerate(("finch", "owl", "wren")):
        centre = np.zeros(DIM)
        centre[number] = 1
        for group in range(n_groups):
            own = of_group * random.normal(size=DIM)
            for _ in range(n_each):
                vectors.append(centre + own + spread * random.normal(size=DIM))
                names.append(name)
                groups.append(f"{name}{group}")
    return Examples(np.asarray(vectors, dtype=np.float32), names, groups)


def _trained(examples: Examples, **options: object) -> Probe:
    return train_probe(examples, name="voices", kind="species", space="space-24", taught_with="everything", **options)  # type: ignore[arg-type]


def test_separate_classes_are_told_apart_and_calibrated() -> None:
    """Three clear classes with whole groups held out are named rightly, with honest probabilities."""
    probe = _trained(_examples())
    assert ("finch", "owl", "wren") == probe.classes
    assert probe.metrics is not None
    assert probe.metrics.held_out == "recording"
    assert probe.metrics.n_groups == 18
    assert probe.metrics.balanced_accuracy > 0.85
    assert probe.metrics.beats_chance
    assert probe.temperature is not None
    assert probe.metrics.calibration_error is not None
    assert probe.metrics.calibration_error < 0.15


def test_names_without_meaning_do_no_better_than_a_guess() -> None:
    """A probe taught with shuffled names has an interval that holds chance: held-out figures are not flattered."""
    examples = _examples(n_groups=8)
    names = np.random.default_rng(3).permutation(np.asarray(examples.names)).tolist()
    metrics = _trained(Examples(examples.vectors, names, examples.groups)).metrics
    assert metrics is not None
    assert not metrics.beats_chance


def test_groups_that_resemble_themselves_do_not_flatter() -> None:
    """Where clips of one recording share a trait, single clips held out promise more than recordings held out."""
    examples = _examples(of_group=0.5, spread=0.05, n_groups=5)
    apart = _trained(examples).metrics
    clip_by_clip = Examples(examples.vectors, examples.names, [str(i) for i in range(len(examples.names))], "segment")
    flattered = _trained(clip_by_clip).metrics
    assert apart is not None
    assert flattered is not None
    assert apart.balanced_accuracy < flattered.balanced_accuracy


def test_scores_are_those_of_scikit_learn() -> None:
    """The weights that are kept give the probabilities that the library's own classifier gives."""
    from sklearn.linear_model import LogisticRegression

    examples = _examples(n_groups=3, n_each=2)
    probe = _trained(examples, policy=ProbePolicy(strengths=(10.0,)))
    unit = examples.vectors / np.linalg.norm(examples.vectors, axis=1, keepdims=True)
    theirs = LogisticRegression(C=10.0, class_weight="balanced", tol=1e-8, max_iter=5000).fit(unit, examples.names)
    for vector, expected in zip(examples.vectors, theirs.predict_proba(unit), strict=True):
        got = {one.score.taxon.scientific_name: one.score.raw_score for one in probe_scores(probe, vector)}
        assert expected == pytest.approx([got[name] for name in probe.classes], abs=3e-3)


def test_a_probe_survives_its_json() -> None:
    """A probe read back from its JSON is the same and scores the same; the text is all that is kept."""
    probe = _trained(_examples())
    again = Probe.model_validate_json(probe.model_dump_json())
    vector = np.linspace(-1, 1, DIM)
    assert probe == again
    assert probe_scores(probe, vector) == probe_scores(again, vector)


def test_weights_of_another_shape_are_refused() -> None:
    """A probe whose weights do not fit its classes is none."""
    probe = _trained(_examples())
    with pytest.raises(ValidationError, match="not those of 3 classes"):
        Probe.model_validate({**probe.model_dump(), "dim": DIM + 1})


def test_one_example_of_each_class_is_enough_to_begin() -> None:
    """With nothing to hold out the probe works, gives raw scores, and says that it was not measured."""
    whole = _examples(spread=0.05)
    firsts = [whole.names.index(name) for name in ("finch", "owl", "wren")]
    few = Examples(whole.vectors[firsts], [whole.names[i] for i in firsts], ["a", "b", "c"])
    probe = _trained(few)
    assert probe.metrics is None
    assert probe.temperature is None
    assert "nothing could be held out" in probe.caveats[0]
    best = [probe_scores(probe, vector)[0] for vector in whole.vectors]
    assert whole.names == [one.score.taxon.scientific_name for one in best]
    assert all(one.probability is None for one in best)


def test_a_class_from_one_recording_is_measured_with_a_warning() -> None:
    """Where a class has a single group, segments are held out one by one, and the probe says that this flatters."""
    examples = _examples()
    groups = ["one" if name == "owl" else group for name, group in zip(examples.names, examples.groups, strict=True)]
    probe = _trained(Examples(examples.vectors, examples.names, groups))
    assert probe.metrics is not None
    assert probe.metrics.held_out == "segment"
    assert probe.temperature is None
    assert "owl comes from a single recording" in probe.caveats[0]


@pytest.mark.parametrize(("n", "found"), [(0, "no examples"), (3, "only one class, 'finch'")])
def test_nothing_to_tell_apart_is_an_error(n: int, found: str) -> None:
    """No example, or one class alone, teaches nothing and says so."""
    with pytest.raises(InputError, match=found):
        _trained(Examples(np.ones((n, DIM), dtype=np.float32), ["finch"] * n, ["a"] * n))


def test_vectors_of_other_spaces_are_refused() -> None:
    """A vector of another length or of another space's name is an error that names the probe's space."""
    probe = _trained(_examples())
    with pytest.raises(SpaceMismatch, match="space-24"):
        probe_scores(probe, np.ones(DIM - 1))
    with pytest.raises(SpaceMismatch, match="other-24"):
        probe_scores(probe, np.ones(DIM), space="other-24")
    with pytest.raises(InputError, match="no length"):
        probe_scores(probe, np.zeros(DIM))


def test_a_sound_unlike_all_examples_is_unfamiliar() -> None:
    """A vector far from every class still gets scores, with the word that it is unlike what was taught."""
    probe = _trained(_examples())
    stranger = np.zeros(DIM)
    stranger[10] = 1.0
    finch = np.zeros(DIM)
    finch[0] = 1.0
    assert not any(one.is_familiar for one in probe_scores(probe, stranger))
    assert all(one.is_familiar for one in probe_scores(probe, finch))


def test_more_examples_help() -> None:
    """The learning curve rises, and numbers of examples that the classes cannot give are left out."""
    examples = _examples(n_groups=6, n_each=3, spread=0.4)
    curve = few_shot_curve(examples, (1, 2, 8, 64))
    assert [1, 2, 8] == [one.n_per_class for one in curve]
    assert curve[0].balanced_accuracy < curve[-1].balanced_accuracy
    assert all(one.low <= one.balanced_accuracy <= one.high for one in curve)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 100))
def test_scores_are_chances_whatever_the_vector(seed: int, length: float) -> None:
    """Raw scores and probabilities lie in 0–1, sum to 1, fall from first to last, and do not depend on loudness."""
    vector = np.random.default_rng(seed).normal(size=DIM)
    scores = probe_scores(_PROBE, length * vector)
    raw = [one.score.raw_score for one in scores]
    assert raw == sorted(raw, reverse=True)
    assert 1 == pytest.approx(sum(raw), abs=3e-4)
    assert 1 == pytest.approx(sum(one.probability or 0 for one in scores), abs=3e-4)
    assert scores == probe_scores(_PROBE, vector)


def test_teaching_again_gives_the_same_probe() -> None:
    """Equal examples give an equal probe, but for the time of day."""
    first, second = _trained(_examples()), _trained(_examples())
    assert first.model_dump(exclude={"trained_at"}) == second.model_dump(exclude={"trained_at"})


@pytest.mark.shared
def test_two_great_tits_are_told_apart(shared_data: Path, birdnet: Embedder) -> None:
    """Songs of two individuals, whole recordings held out, are told apart well above a guess."""
    songs = labelled_windows(labelled_files(shared_data, sets=["pykanto_great_tit"]), birdnet)
    examples = Examples(songs.vectors, songs.labels.tolist(), songs.recording_ids.tolist())
    metrics = train_probe(examples, name="tits", kind="individual", space=birdnet.card.space, taught_with="").metrics
    assert metrics is not None
    assert metrics.held_out == "recording"
    assert metrics.beats_chance


_PROBE = _trained(_examples())
