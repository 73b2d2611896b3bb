"""The two sides that are compared: a plain process, and the default sandbox. Each has a home of its own."""

import dataclasses
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# What is inherited besides PATH: where this machine's package clients find their certificates and indexes.
CLIENTS = ("SSL_CERT_", "PIP_", "npm_config_", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "RUSTUP_HOME",
           "PYENV_ROOT", "CARGO_HTTP_", "CARGO_REGISTRIES_")
# Debug information doubles a build and changes no test.
# A project's own rust-toolchain file would have rustup fetch a toolchain into the machine, outside; inside it could not.
COMMON = {"CI": "true", "LANG": "C.UTF-8", "CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_PROFILE_TEST_DEBUG": "0",
          "RUSTUP_TOOLCHAIN": "stable", "CARGO_INCREMENTAL": "0"}
TAIL = 3000  # characters of output that are kept
LOOK = 0.5  # seconds between two looks at what a process has used


@dataclasses.dataclass
class Ran:
    code: int
    text: str
    seconds: float
    timed_out: bool = False

    def ok(self):
        return self.code == 0 and not self.timed_out

    def tail(self):
        return self.text[-TAIL:]


def freehold():
    """The program: as built for release where it is, else for debugging."""
    given = os.environ.get("FREEHOLD_BIN")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    found = [pathlib.Path(given)] if given else [target / kind / "freehold" for kind in ("release", "debug")]
    return next((str(path.resolve()) for path in found if path.is_file()), None)


class Stopped(BaseException):
    """Somebody asked to stop: what was running is no result."""


stopping = threading.Event()
running = set()


def stop():
    """Ends what runs, in whichever thread; nothing is begun any more."""
    stopping.set()
    for process in list(running):
        kill(process, signal.SIGTERM)


@dataclasses.dataclass(frozen=True)
class Limit:
    """What ends a process: seconds by the clock, and where it matters of all its processes together by the processor,
    which do not depend on what else the machine does."""

    clock: float
    processor: float = float("inf")


def spent(session):
    """Seconds of processor time of a session's processes, and of those that they waited for."""
    ticks = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(fields[3]) == session:
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def within(process, limit):
    """Its output, or None once it is over the limit."""
    ends = time.monotonic() + limit.clock
    while time.monotonic() < ends and spent(process.pid) < limit.processor:
        try:
            return process.communicate(timeout=LOOK)[0]
        except subprocess.TimeoutExpired:
            continue
    return None


def run(words, env, cwd, limit):
    """A process and all that it leaves, ended at the limit. Its output is read together."""
    if stopping.is_set():
        raise Stopped
    began = time.monotonic()
    process = subprocess.Popen(words, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    running.add(process)
    try:
        out = within(process, limit)
        timed_out = out is None
        if timed_out:
            end(process)
            out, _ = process.communicate()
    finally:
        running.discard(process)
    if stopping.is_set():
        end(process)
        raise Stopped
    return Ran(process.returncode, out.decode(errors="replace"), time.monotonic() - began, timed_out)


def kill(process, how):
    try:
        os.killpg(process.pid, how)
    except ProcessLookupError:
        return False
    return True


def end(process):
    for how in (signal.SIGTERM, signal.SIGKILL):
        if kill(process, how):
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                continue


class Outside:
    """A plain process with a sealed home; the toolchains are this machine's own."""

    name = "outside"

    def __init__(self, home):
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        owner = pathlib.Path.home()
        if (owner / ".npmrc").is_file():
            shutil.copy(owner / ".npmrc", home)
        if (owner / ".cargo/config.toml").is_file():
            (home / ".cargo").mkdir(exist_ok=True)
            shutil.copy(owner / ".cargo/config.toml", home / ".cargo")

    def env(self):
        kept = {name: value for name, value in os.environ.items() if name.startswith(CLIENTS)}
        kept.setdefault("RUSTUP_HOME", str(pathlib.Path.home() / ".rustup"))
        return {**kept, **COMMON, "PATH": os.environ["PATH"], "HOME": str(self.home), "USER": os.environ.get("USER", "root")}

    def sh(self, line, folder, limit):
        return run(["sh", "-c", line], self.env(), folder, limit)


class Inside:
    """What setup and checks of a run get."""

    name = "inside"

    def __init__(self, home, program):
        self.home = home
        self.program = program
        home.mkdir(parents=True, exist_ok=True)

    def sh(self, line, folder, limit):
        words = [self.program, "sandbox", "--dir", str(folder), "--home", str(self.home)]
        for name, value in COMMON.items():
            words += ["--env", f"{name}={value}"]
        return run([*words, "--", "sh", "-c", line], None, folder, limit)
