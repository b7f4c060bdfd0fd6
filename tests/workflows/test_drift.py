"""Drift of a made-up library: a planted change has a day by the site's calendar and an instant by the world's clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from rab.catalog import Catalog
from rab.domain import SegmentPayload
from rab.retrieval.drift import RecorderDrift
from rab.store.exact import ExactStore
from rab.workflows.drift import recorder_drift
from rab.workflows.workspace import Workspace
from tests.conftest import Make

MAKE = Make()
CARD = MAKE.card()


def test_a_change_has_a_date_and_an_instant(tmp_path: Path) -> None:
    """The day is the site's, and begins for the world with its first sound, which JSON shows as ISO 8601 in UTC."""
    store = ExactStore(CARD)
    workspace = Workspace(
        home=tmp_path,
        catalog=Catalog.open(f"sqlite:///{(tmp_path / 'catalog.sqlite').as_posix()}"),
        build_embedder=lambda _: pytest.fail("nothing is embedded"),
        open_store=lambda _: store,
        open_ranges=lambda _: pytest.fail("no ranges are needed"),
    )
    random = np.random.default_rng(0)
    first_night = datetime(2025, 5, 1, 22, 30, tzinfo=UTC)  # 00:30 of the next day at the site
    for day in range(16):
        recording = MAKE.recording(str(day), started_at=first_night + timedelta(days=day), zone="Europe/Zurich")
        floor_dbfs = random.normal(-60, 0.5) + 8 * (day >= 8)
        calls = [
            MAKE.segment(recording, index, quality=MAKE.quality(noise_floor_dbfs=floor_dbfs)) for index in range(3)
        ]
        workspace.catalog.commit_recording(recording, CARD, calls, policy="p")
        payloads = [SegmentPayload(segment_id=one.segment.id, recording_id=recording.id) for one in calls]
        store.upsert(np.eye(3, CARD.dim, dtype=np.float32), payloads)
    (found,) = recorder_drift(workspace, model=CARD.key)
    workspace.close()
    (change,) = found.figures[0].changes
    assert ("2025-05-10", first_night + timedelta(days=8)) == (change.date, change.heard_from)
    assert '"heard_from":"2025-05-09T22:30:00Z"' in found.model_dump_json()
    assert found == RecorderDrift.model_validate_json(found.model_dump_json())
