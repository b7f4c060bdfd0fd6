"""What `rab bench` and another package say to each other: JSON lines, so that both take turns in one race.

A script is run as `python NAME_peer.py WAV N_THREADS WEIGHTS` by an interpreter that may know nothing of
RAB; WEIGHTS is the folder that RAB installed the model in. Its first
line names its ways to work and tells its cold start; for each line `INDEX` it then works once over the WAV and answers
with the seconds that this took. What the package itself prints goes to standard error.
"""

import json
import os
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

Works = Mapping[str, Callable[[Path], object]]
COLD_START_AUDIO_S = 0.5


def serve(load: Callable[[int, Path], AbstractContextManager[Works]]) -> None:
    """Load a package for a number of threads and the folder of its weights, then work whenever asked, until input ends.

    The cold start is the time from here, before the package is imported, to the first result on the first half second.
    """
    started = time.perf_counter()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    path, n_threads, weights = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    with load(n_threads, weights) as works, tempfile.TemporaryDirectory() as folder:
        ways = list(works.values())
        ways[0](beginning(path, Path(folder) / "first.wav"))
        print(json.dumps({"names": list(works), "cold_start_s": time.perf_counter() - started}), file=answers)
        for line in sys.stdin:
            started = time.perf_counter()
            ways[int(line)](path)
            print(json.dumps({"seconds": time.perf_counter() - started}), file=answers)


def beginning(path: Path, target: Path) -> Path:
    """Write the first half second of a WAV to a file of its own, and return that."""
    with wave.open(str(path)) as whole, wave.open(str(target), "wb") as part:
        part.setparams(whole.getparams())
        part.writeframes(whole.readframes(round(COLD_START_AUDIO_S * whole.getframerate())))
    return target
