"""The real thing for every room: recordings, weights and models, fetched once and kept beside the checkout.

A download that fails fails the tests that need it: only the wider recordings, which nobody can fetch, are skipped.
"""

import hashlib
import importlib.util
import os
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from rab.audio import read_deployments
from rab.bootstrap import open_workspace
from rab.domain import (
    CallSegment,
    Descriptors,
    EmbedderCard,
    RecorderNotes,
    Recording,
    SignalQuality,
    StoredSegment,
    Taxon,
    TaxonScore,
    content_id,
    segment_id,
)
from rab.domain.calibration import Calibrations, PrecisionThreshold, SpeciesCalibration
from rab.downloads import Carrier
from rab.embedders.base import Embedder
from rab.embedders.birdnet import BirdNET
from rab.embedders.weights import find, install
from rab.samples import fetch_samples
from rab.settings import Settings
from rab.workflows.clustering import cluster_library
from rab.workflows.ingest import ingest
from rab.workflows.workspace import Workspace

REPO = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("RAB_TEST_CACHE", REPO / ".cache" / "rab"))
"""Where weights and samples stay from run to run."""


NOON = datetime(2025, 5, 3, 12, tzinfo=UTC)
NAMES = {"Turdus merula": "Eurasian Blackbird", "Cuculus canorus": "Common Cuckoo", "Engine": "Engine"}
"""Scientific and common names of what made-up models hear."""

Publish = Callable[..., tuple[Carrier, Path]]


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_user() -> Iterator[None]:
    """Keep the settings of whoever runs the tests out of them."""
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith("RAB_"):
                environment.delenv(name)
        yield


@pytest.fixture(scope="session")
def repo() -> Path:
    """Return the root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def serving_qdrant(repo: Path) -> Callable[..., AbstractContextManager[Any]]:
    """Return what runs a small Qdrant server over HTTP: `tests/store/qdrant_rest.py`."""
    spec = importlib.util.spec_from_file_location("qdrant_rest", repo / "tests" / "store" / "qdrant_rest.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.serving  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def shared_data(repo: Path) -> Path:
    """Return the folder of the wider recordings; skips where it is absent. For tests marked `shared`."""
    folder = repo.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the wider recordings are not beside the checkout: {folder}")
    return folder


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """Return a folder with BirdNET's weights, their licence accepted for testing."""
    install("birdnet-v2.4", CACHE / "models", accepted=True)
    return CACHE / "models"


@pytest.fixture(scope="session")
def samples_dir() -> Path:
    """Return a folder with the sample recordings, and the deployments table of this version."""
    (CACHE / "samples" / "deployments.csv").unlink(missing_ok=True)
    fetch_samples(CACHE / "samples")
    return CACHE / "samples"


@pytest.fixture(scope="session")
def birdnet(models_dir: Path) -> Embedder:
    """Return BirdNET with its real weights; one thread, so that tests do not compete for cores."""
    return BirdNET(find("birdnet-v2.4", models_dir), n_threads=1)


@pytest.fixture(scope="session")
def library(models_dir: Path, samples_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Return a library of all sample recordings, ingested and clustered once. Tests read it, and change nothing."""
    settings = Settings(home=tmp_path_factory.mktemp("library"), models_dir=models_dir, n_threads=1)
    deployments = read_deployments(samples_dir / "deployments.csv")
    with open_workspace(settings, purpose="tests") as workspace:
        report = ingest(workspace, [samples_dir], models=("birdnet-v2.4",), deployments=deployments)
        assert report.failures == ()
        cluster_library(workspace, model="birdnet-v2.4")
        yield workspace


@pytest.fixture
def publish(tmp_path: Path) -> Publish:
    """Write a wheel that pip takes for one, with the files given; return its carrier and its path."""

    def write_wheel(
        files: Mapping[str, bytes], *, name: str = "tinysounds", version: str = "1.0"
    ) -> tuple[Carrier, Path]:
        path = tmp_path / "index" / f"{name}-{version}-py3-none-any.whl"
        path.parent.mkdir(exist_ok=True)
        about = f"{name}-{version}.dist-info"
        with zipfile.ZipFile(path, "w") as wheel:
            for member, content in files.items():
                wheel.writestr(member, content)
            wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{about}/RECORD", "")
        content = path.read_bytes()
        return Carrier(name, version, hashlib.sha256(content).hexdigest(), len(content), "MIT"), path

    return write_wheel


class Make:
    """Nouns with defaults, made in one line."""

    def card(self, **fields: Any) -> EmbedderCard:
        """Return the card of a model for birds."""
        given = {
            "name": "toy",
            "version": "1",
            "task": "birds",
            "sample_rate_hz": 48_000,
            "window_ms": 3000,
            "hop_ms": 3000,
            "dim": 8,
            "n_classes": 3,
            "weights_sha256": "0" * 64,
            "preprocessing": "none",
            "licence": "CC0-1.0",
            "licence_url": "https://creativecommons.org/publicdomain/zero/1.0/",
            "citation": "none",
        }
        return EmbedderCard.model_validate(given | fields)

    def recording(
        self,
        name: str = "a",
        *,
        site: str | None = "A",
        started_at: datetime | None = NOON,
        zone: str | None = "UTC",
        duration_ms: float = 60_000,
        **notes: Any,
    ) -> Recording:
        """Return a recording whose bytes are its name."""
        return Recording(
            id=content_id(name.encode()),
            path=f"/field/{name}.wav",
            n_bytes=100,
            container="WAV",
            sample_rate_hz=48_000,
            n_channels=1,
            n_frames=round(48 * duration_ms),
            duration_ms=duration_ms,
            site=site,
            notes=RecorderNotes(started_at=started_at, zone=zone, **notes),
        )

    def quality(self, snr_db: float | None = 10.0, **fields: Any) -> SignalQuality:
        """Return the quality of a clean segment."""
        given = {
            "snr_db": snr_db,
            "snr_unmeasured": None if snr_db is not None else "no_signal",
            "band_low_hz": 1000.0,
            "band_high_hz": 4000.0,
            "noise_floor_dbfs": -60.0,
            "peak_dbfs": -6.0,
            "clipped_fraction": 0.0,
            "overlap_fraction": 0.0,
            "rain": False,
            "wind": False,
            "silent": False,
        }
        return SignalQuality.model_validate(given | fields)

    def score(self, name: str, raw_score: float, *, in_range: bool | None = None, model: str = "toy-v1") -> TaxonScore:
        """Return what a classifier gave a name."""
        taxon = Taxon(
            scientific_name=name, common_name=NAMES.get(name, name), group="sound" if name == "Engine" else "bird"
        )
        return TaxonScore(taxon=taxon, logit=raw_score, raw_score=raw_score, model=model, in_range=in_range)

    def segment(
        self,
        recording: Recording,
        index: int = 0,
        *,
        scores: Sequence[TaxonScore] = (),
        quality: SignalQuality | None = None,
        channel: int | None = None,
        embedder: str = "toy-v1",
        length_ms: float = 3000.0,
    ) -> StoredSegment:
        """Return a recording's window of 3 s with that number, filled with so much sound."""
        t0_ms, t1_ms = 3000.0 * index, 3000.0 * index + length_ms
        return StoredSegment(
            segment=CallSegment(
                id=segment_id(recording.id, channel, t0_ms, t1_ms, embedder),
                recording_id=recording.id,
                channel=channel,
                t0_ms=t0_ms,
                t1_ms=t1_ms,
                embedder=embedder,
            ),
            recording=recording,
            quality=quality or self.quality(),
            descriptors=Descriptors(peak_hz=2000.0),
            scores=tuple(scores),
        )

    def calibrations(self, card: EmbedderCard, *thresholds: tuple[str, str | None, float | None]) -> Calibrations:
        """Return what was learned of taxa at sites, None being all: the raw score for a precision of 0.9, or none."""
        return Calibrations(
            model=card.key,
            space=card.space,
            labels="human",
            learned_on=date(2025, 6, 1),
            least_raw_score=0.1,
            n_labelled=200,
            n_recordings=100,
            species=tuple(
                SpeciesCalibration(
                    model=card.key,
                    taxon=taxon,
                    site=site,
                    labels="human",
                    learned_on=date(2025, 6, 1),
                    n=120,
                    n_positive=60,
                    n_recordings=60,
                    method="platt",
                    slope=1.0,
                    intercept=0.0,
                    band=((0.0, 0.4, 0.6),),
                    thresholds=() if raw_score is None else (_threshold(raw_score),),
                )
                for taxon, site, raw_score in thresholds
            ),
        )


def _threshold(raw_score: float) -> PrecisionThreshold:
    return PrecisionThreshold(
        precision=0.9,
        raw_score=raw_score,
        low=0.9,
        share_right=0.975,
        n=40,
        n_recordings=40,
        n_effective=40,
        recall=0.5,
    )


@pytest.fixture(scope="session")
def make() -> Make:
    """Return a maker of nouns."""
    return Make()


def has_ends_in_order(fields: dict[str, Any]) -> bool:
    """Return whether conditions make up a filter: no range of it ends below its beginning."""
    ranges = (("raw_score_min", "raw_score_max"), ("heard_from", "heard_before"), ("snr_min_db", "snr_max_db"))
    given = [(fields[low], fields[high], high) for low, high in ranges if low in fields and high in fields]
    return all(low < high or (low == high and name != "heard_before") for low, high, name in given)
