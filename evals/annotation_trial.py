"""How many labels suggestions need: the trial behind the table of docs/annotation.md.

    python evals/annotation_trial.py RAB_HOME FOLDER

FOLDER holds recordings in one sub-folder for each species, and was ingested into RAB_HOME among other recordings. In a
copy of the library, one segment in each of n recordings of a species is labelled by the name of its sub-folder; what is
then suggested for the other segments of FOLDER, and for some of other recordings, is counted as right or wrong.
"""

import random
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

from rab.bootstrap import open_workspace
from rab.domain import Label, SegmentFilter, StoredSegment
from rab.settings import read_settings
from rab.workflows.labelling import keep_labels
from rab.workflows.suggesting import suggestions
from rab.workflows.workspace import Workspace

N_LABELLED = (1, 2, 3, 5)
N_OTHERS = 60


def main() -> None:
    """Run the trial and print its table."""
    home, folder = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(home, Path(copy) / "home", ignore=shutil.ignore_patterns("owner.*"))
        with open_workspace(read_settings(home=Path(copy) / "home"), purpose="annotation trial") as workspace:
            _try(workspace, folder)


def _try(workspace: Workspace, folder: Path) -> None:
    card = workspace.card("birdnet-v2.4")
    truth: dict[str, str] = {}
    calls: dict[str, dict[str, list[StoredSegment]]] = defaultdict(lambda: defaultdict(list))
    for one in workspace.catalog.list_segments(card.space, SegmentFilter()):
        path = Path(one.recording.path)
        if folder in path.parents:
            truth[one.segment.id] = path.parent.name.replace("_", " ")
            calls[truth[one.segment.id]][one.recording.id].append(one)
    dice = random.Random(0)  # noqa: S311  which recordings are labelled
    order = {species: dice.sample(sorted(recordings), len(recordings)) for species, recordings in sorted(calls.items())}
    strange = [one for one in workspace.catalog.segment_ids(card.space, SegmentFilter()) if one not in truth]
    others = dice.sample(strange, min(N_OTHERS, len(strange)))
    sys.stdout.write("labels | tried | suggested | right | wrong | other recordings | wrongly named\n")
    for n in N_LABELLED:
        chosen = [calls[species][one] for species, recordings in order.items() for one in recordings[:n]]
        clearest = [max(some, key=lambda one: one.quality.snr_db or -99.0) for some in chosen]
        labelled = [
            Label(
                segment_id=one.segment.id,
                taxon=truth[one.segment.id],
                source="human",
                author="trial",
                labelled_at=datetime(2025, 1, 1, tzinfo=UTC),
            )
            for one in clearest
        ]
        keep_labels(workspace, labelled)
        rest = sorted(truth.keys() - {label.segment_id for label in labelled})
        found = Counter(
            (one.segment_id in truth, one.suggestion.taxon == truth.get(one.segment_id))
            for one in suggestions(workspace, [*rest, *others])
            if one.suggestion is not None and one.suggestion.taxon is not None
        )
        right, wrong = found[True, True], found[True, False]
        row = (len(labelled), len(rest), right + wrong, right, wrong, len(others), found[False, False])
        sys.stdout.write(" | ".join(map(str, row)) + "\n")


if __name__ == "__main__":
    main()
