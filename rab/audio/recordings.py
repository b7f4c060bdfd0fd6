"""Reading a recording: a file on disk becomes the noun that everything else refers to."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rab.audio.decode import probe, sha256_of
from rab.audio.deployments import deployment_for
from rab.audio.notes import recorder_notes
from rab.domain import Deployment, Recording
from rab.errors import InputError, RabError


def read_recording(
    path: Path, *, deployments: Sequence[Deployment] = (), time_expansion: int | None = None
) -> Recording:
    """Read a file's header and notes, and hash its bytes; no sample is decoded.

    `time_expansion` says how many times slower than life the file plays, where its GUANO notes do not or are wrong:
    the recording's rate is the file's times that, and its duration shorter by it. Whose word counts for place and time
    stands in `rab.audio.notes`. `started_at` is only set where the time zone is known: a time of day whose zone nobody
    stated is left out with a caveat, since a wrong hour turns a dusk song into a dawn song and nobody sees it.

    Raises `NotFound` where there is no file, `AudioError` where it cannot be read or decoded, holds no sound or less
    than its header promises, and `InputError` where several deployments claim it.
    """
    if time_expansion is not None and time_expansion < 1:
        raise InputError(
            f"a time expansion of {time_expansion} is impossible", hint="give 1 for real time, 10 for bats"
        )
    header = probe(path)
    deployment = deployment_for(path, deployments)
    notes = recorder_notes(path.name, guano=header.guano, comment=header.comment, deployment=deployment)
    caveats = notes.caveats
    if deployments and deployment is None:
        caveats += ("No row of the deployments table matches the file, so its site is not known.",)
    expansion = time_expansion or notes.time_expansion
    rate_hz = header.sample_rate_hz * expansion
    return Recording(
        id=sha256_of(path),
        path=str(path.absolute()),
        n_bytes=header.n_bytes,
        container=header.container,
        sample_rate_hz=rate_hz,
        n_channels=header.n_channels,
        n_frames=header.n_frames,
        duration_ms=1000 * header.n_frames / rate_hz,
        site=deployment.site if deployment else None,
        notes=notes.model_copy(update={"time_expansion": expansion, "caveats": caveats}),
    )


def started_at(path: Path, *, deployments: Sequence[Deployment] = ()) -> datetime | None:
    """Read when a recording began from its header, notes and name, without reading the rest of the file.

    None where that is not known, and for a file that cannot be read: whoever reads it whole will be told why.
    """
    try:
        header, deployment = probe(path), deployment_for(path, deployments)
        notes = recorder_notes(path.name, guano=header.guano, comment=header.comment, deployment=deployment)
    except RabError:
        return None
    return notes.started_at
