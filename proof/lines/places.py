"""Where lines are run: outside, and inside by the command. Each gives (code, last words) by line."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import zipapp

from .fixture import lay_out

ANSWER = re.compile(r"LINE (\S+) (\d+)\nSAID (.*)")
# Kept outside besides PATH: where this machine's package clients find certificates and toolchains.
CLIENTS = ("SSL_CERT_", "PIP_", "npm_config_", "NODE_EXTRA_CA_CERTS", "RUSTUP_HOME", "PYENV_ROOT")
START = 20  # seconds that a start may take besides its lines
BOOT = 180  # the same of a machine that is emulated
EMULATED = 8  # how much longer lines may take there
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
KERNEL = ROOT / "target/vm-kernel"  # scripts/install test
SOCKETS = ROOT / "target/vhost-device-vsock/bin/vhost-device-vsock"  # the same
STANDIN = ROOT / "crates/sandbox/tests/firecracker"


def firecracker_of(named, folder):
    """The program at a path; for `standin`, what plays one in tests, made one program in `folder`."""
    if named != "standin":
        return named
    parts, made = folder / "standin", folder / "firecracker"
    shutil.copytree(STANDIN, parts)
    shutil.copy(SOCKETS, parts)
    zipapp.create_archive(parts, made, interpreter="/usr/bin/python3 -IB")
    return str(made)


def answers(text):
    """What sessions printed."""
    return {name: (int(code), said.strip()) for name, code, said in ANSWER.findall(text)}


def session(before, lines):
    return ["sh", ".line/session.sh", str(before), *(line.id for line in lines)]


class Workspace:
    """A git work tree with the lines in it; they may take `longer` times as long as they say."""

    def __init__(self, lines, env, longer=1):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="freehold-lines-work-"))
        os.chmod(self.folder, 0o755)
        subprocess.run(["git", "init", "-q", str(self.folder)], check=True)
        self.lines = lay_out(self.folder, lines, env, longer)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Outside:
    """Plain processes, in a home of their own. What the controls are run in."""

    name = "outside"

    def __init__(self, fixture, lines):
        self.fixture = fixture
        self.workspace = Workspace(lines, {**fixture.env, **fixture.outside})
        self.home = fixture.folder / "sealed"
        self.home.mkdir(exist_ok=True)
        if (pathlib.Path.home() / ".npmrc").is_file():
            shutil.copy(pathlib.Path.home() / ".npmrc", self.home)

    def env(self):
        kept = {name: value for name, value in os.environ.items() if name.startswith(CLIENTS)}
        kept.setdefault("RUSTUP_HOME", str(pathlib.Path.home() / ".rustup"))
        kept["SSH_AUTH_SOCK"] = str(self.fixture.folder / "agent.sock")
        return {**kept, "PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "USER": "root"}

    def run(self, line):
        words = session(0, [line])
        if line.outside_as:
            words = ["setpriv", f"--reuid={line.outside_as}", f"--regid={65534}", "--clear-groups", *words]
            os.chmod(self.workspace.folder, 0o777)
        if line.outside_in:
            words = [*line.outside_in.split(), *words]
        with open(self.fixture.folder / "home/.ssh/id_ed25519", "rb") as leak:
            os.set_inheritable(leak.fileno(), True)
            return run(words, self.workspace.folder, self.env(), line.seconds + START, pass_fds=[leak.fileno()]).get(line.id, (None, "no answer"))

    def applies(self, line):
        """What this machine says to the question of a line."""
        env = {**self.env(), "LINES": str(self.workspace.lines), "PYTHONPATH": str(self.workspace.lines)}
        asked = subprocess.run(["sh", "-c", line.applies], env=env, capture_output=True, timeout=START, check=False)
        return asked.returncode == 0


def run(words, cwd, env, limit, **options):
    """All answers of a process that may be killed by its own line."""
    process = subprocess.Popen(words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True, **options)
    try:
        out, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            out, _ = process.communicate(timeout=START)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            out, _ = process.communicate()
    return answers(out.decode(errors="replace")) | {"": (process.returncode, out.decode(errors="replace")[-500:])}


class Sandboxed:
    """A launcher around sessions: what differs between ours and its peers is the words before the command."""

    name = "sandboxed"
    starts_within = START
    longer = 1

    def __init__(self, fixture, lines):
        self.fixture = fixture
        self.workspace = Workspace(lines, fixture.env, self.longer)

    def words(self, egress):
        raise NotImplementedError

    def env(self):
        return dict(os.environ)

    def together(self, lines, before):
        """Lines of one egress in one start, after `before` other commands."""
        limit = sum(line.seconds for line in lines) * self.longer + self.starts_within
        words = [*self.words(lines[0].egress), *session(before, lines)]
        with open(self.fixture.folder / "home/.ssh/id_ed25519", "rb") as leak:
            os.set_inheritable(leak.fileno(), True)
            env = {**self.env(), "SECRET": "CANARY-7f3a"}
            return run(words, self.workspace.folder, env, limit, pass_fds=[leak.fileno()])


class Command(Sandboxed):
    """`freehold sandbox`, in a tier; its virtual machines are QEMU's, or of a Firecracker that is named."""

    def __init__(self, fixture, lines, program, tier, firecracker=None):
        if tier == "vm":
            self.longer, self.starts_within = EMULATED, BOOT
        super().__init__(fixture, lines)
        self.program, self.firecracker = program, firecracker and firecracker_of(firecracker, fixture.folder)
        # `container:runsc` is that tier by that runtime.
        self.tier, _, self.runtime = tier.partition(":")
        self.name = f"command, {tier}"

    def words(self, egress):
        more = ["--runtime", self.runtime] if self.runtime else []
        if self.tier == "vm":
            more += ["--image", str(KERNEL)] if KERNEL.is_dir() else []
            more += ["--firecracker", self.firecracker] if self.firecracker else []
        return [self.program, "sandbox", "--tier", self.tier, *more, "--egress", egress, "--"]
