"""`rab serve` over a real socket, and the lock that it holds meanwhile."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

Rab = Callable[..., Any]


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_service_answers_until_it_is_stopped(rab_process: Rab, repo: Path, home: Path, models_dir: Path) -> None:
    """It prints its address, answers, keeps the library from others, and lets go of it at Ctrl-C."""
    environment = {**os.environ, "RAB_HOME": str(home), "RAB_MODELS_DIR": str(models_dir)}
    command = [sys.executable, "-m", "rab", "serve", "--port", "0"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=repo, env=environment, **pipes) as service:
        try:
            assert service.stdout is not None
            line = service.stdout.readline()
            address = re.fullmatch(r"serving (http://127\.0\.0\.1:\d+) \(Ctrl-C ends it\)\n", line)
            assert address, line
            with urlopen(f"{address[1]}/v1/health") as answer:
                assert ("ok", 6) == ((health := json.load(answer))["status"], health["n_recordings"])
            with urlopen(f"{address[1]}/v1/segments?limit=1") as answer:
                segment = json.load(answer)["items"][0]["segment"]["id"]
            part = Request(f"{address[1]}/media/segments/{segment}/clip.wav", headers={"Range": "bytes=0-3"})
            with urlopen(part) as answer:
                assert (206, b"RIFF") == (answer.status, answer.read())
            with pytest.raises(HTTPError) as misled:
                urlopen(Request(f"{address[1]}/v1/health", headers={"Host": "evil.example"}))
            misled.value.close()
            assert 400 == misled.value.code
            with pytest.raises(HTTPError) as refused:
                urlopen(f"{address[1]}/v1/nowhere")
            refused.value.close()
            assert "application/problem+json" == refused.value.headers["content-type"].split(";")[0]
            second = rab_process("recordings", home=home)
            assert (5, True) == (second.code, f"process {service.pid} (rab serve)" in second.err)
        finally:
            service.send_signal(signal.SIGINT)
            service.communicate(timeout=30)
    assert 0 == rab_process("recordings", home=home).code
