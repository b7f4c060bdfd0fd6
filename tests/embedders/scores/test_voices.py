"""Human voices on logits, made up and real."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from rab.audio import find_audio, read_recording
from rab.domain import Taxon
from rab.embedders.base import Embedder
from rab.embedders.scores import Logits, PrivacyPolicy, human_classes, human_voice
from rab.segments import WindowPolicy, windows

TAXA = tuple(
    Taxon(scientific_name=name, common_name=name)
    for name in ("Turdus merula", "Human vocal", "Human non-vocal", "Human whistle", "Engine")
)


def logits_of(rows: list[list[float]]) -> Logits:
    """Return logits float32 [n, n_classes]."""
    return np.array(rows, dtype=np.float32)


def test_any_human_class_tells_of_people() -> None:
    """A voice, steps or a whistle alone flag their window, also under a much louder bird; an engine does not."""
    logits = logits_of([[9, -1, -9, -9, -9], [9, -9, -1, -9, -9], [9, -9, -9, -1, -9], [9, -9, -9, -9, 5]])

    assert [True, True, True, False] == human_voice(logits, human_classes(TAXA), PrivacyPolicy()).tolist()


def test_the_threshold_is_reached_at_its_own_value() -> None:
    """Raw scores from the threshold count: the sigmoid of 0 is 0.5."""
    logits = logits_of([[0, 0, -9, -9, -9], [0, -0.01, -9, -9, -9]])

    assert [True, False] == human_voice(logits, human_classes(TAXA), PrivacyPolicy(threshold=0.5)).tolist()


def test_under_a_softmax_all_human_classes_count_together() -> None:
    """Three classes of 0.2 each are people of 0.6."""
    logits = np.zeros((1, 5), np.float32)

    assert [True] == human_voice(
        logits, human_classes(TAXA), PrivacyPolicy(threshold=0.55), activation="softmax"
    ).tolist()
    assert [False] == human_voice(
        logits, human_classes(TAXA), PrivacyPolicy(threshold=0.65), activation="softmax"
    ).tolist()


def test_names_of_fsd50k_are_known_however_they_are_joined() -> None:
    """Underscores and capitals do not matter."""
    taxa = [Taxon(scientific_name=name, common_name=name) for name in ("Male_speech_and_man_speaking", "Rain")]

    assert [True] == human_voice(logits_of([[0, 0]]), human_classes(taxa), PrivacyPolicy()).tolist()


@pytest.mark.parametrize(
    ("taxa", "policy"), [(TAXA[:1], PrivacyPolicy()), (TAXA[:2], PrivacyPolicy(mode="off"))], ids=["bats", "off"]
)
def test_nobody_is_heard_without_a_human_class_or_a_wish(taxa: tuple[Taxon, ...], policy: PrivacyPolicy) -> None:
    """A model of bats says nothing of people, and a policy that is off asks nothing."""
    logits = np.full((3, len(taxa)), 5, np.float32)

    assert [False, False, False] == human_voice(logits, human_classes(taxa), policy).tolist()


def test_no_bird_of_the_samples_is_taken_for_a_person(birdnet: Embedder, samples_dir: Path) -> None:
    """Real birds, the first three windows of each file, raise no flag."""
    heard = []
    for path in find_audio([samples_dir])[0][::3]:
        recording = read_recording(path)
        cut = [one.samples for one in islice(windows(recording, birdnet.card, WindowPolicy(), None), 3)]
        logits = birdnet.embed(np.stack(cut)).logits
        heard.append(human_voice(logits, human_classes(birdnet.taxa), PrivacyPolicy()))

    assert 20 <= len(np.concatenate(heard))
    assert not np.concatenate(heard).any()
