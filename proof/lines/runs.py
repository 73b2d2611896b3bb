"""The same lines in a real run: its setup, its agent and its checks, by the product from card to review."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from .fixture import lay_out
from .places import answers, session

# Some of each family, fast, and without a tool that a machine may lack. That all ways in make the same walls is a test of the
# runner's; these show it.
REPRESENTATIVE = ("git-commit", "unix-socket", "tcp-loopback", "shm", "pty-ctrl-c", "read-ssh-key", "write-outside", "hook",
                  "environment-of-others", "see-victim", "mount", "user-namespace", "io-uring", "tcp-out", "abstract-socket")
READY_WITHIN = 120
RUN_WITHIN = 600


class Runs:
    """An installation of its own with one project, in which lines are run."""

    def __init__(self, fixture, lines, program):
        self.program = program
        self.lines = [line for line in lines if line.id in REPRESENTATIVE]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="freehold-lines-run-"))
        self.env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "FREEHOLD_PG_BIN") if name in os.environ}
        self.repository(fixture)

    def mine(self, place):
        return [line for line in self.lines if place in line.places]

    def repository(self, fixture):
        work, self.remote = self.folder / "work", self.folder / "remote.git"
        git = ["git", "-c", "user.name=p", "-c", "user.email=p@example.invalid", "-C", str(work)]
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.remote)], check=True)
        subprocess.run(["git", "init", "-q", "-b", "main", str(work)], check=True)
        lay_out(work, self.lines, fixture.env)
        command = {place: json.dumps(" ".join(session(0, self.mine(place)))) for place in ("setup", "check")}
        (work / ".agentworks").mkdir()
        (work / ".agentworks/project.toml").write_text(
            f'[setup]\ncommand = {command["setup"]}\n\n[[checks]]\nname = "lines"\ncommand = {command["check"]}\n')
        subprocess.run([*git, "add", "--all", "--force"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "lines"], check=True)
        subprocess.run([*git, "push", "-q", str(self.remote), "main"], check=True)

    def freehold(self, *words):
        done = subprocess.run([self.program, "--data", str(self.folder / "data"), *words, "--json"], env=self.env, cwd=self.folder,
                              capture_output=True, text=True, timeout=RUN_WITHIN, check=False)
        if done.returncode:
            raise RuntimeError(f"freehold {' '.join(words)}: {done.stderr[-1000:]}")
        return done.stdout

    @contextlib.contextmanager
    def up(self):
        words = [self.program, "--data", str(self.folder / "data"), "up", "--listen", "127.0.0.1:0", "--json"]
        process = subprocess.Popen(words, cwd=self.folder, env={**self.env, "SECRET": "CANARY-7f3a"}, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
        try:
            if not process.stdout.readline():
                raise RuntimeError("freehold up did not start")
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(READY_WITHIN)

    def answers(self):
        """{place: {line: (code, said)}}, from the run's own log."""
        with self.up():
            self.freehold("project", "add", "lines", "--remote", str(self.remote))
            # The agent's own line adds a file: a run without work has no checks.
            agent = " ".join(session(0, self.mine("agent"))) + "; echo done > done"
            agents = [self.program, "--data", str(self.folder / "data"), "agent", "add", "liner", "--driver", "command", "--json", "--",
                      "sh", "-c", agent]
            subprocess.run(agents, env=self.env, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
            card = json.loads(self.freehold("card", "add", "--project", "lines", "--title", "Lines"))["id"]
            run = json.loads(self.freehold("run", "start", card, "--agent", "liner", "--wait").splitlines()[-1])["id"]
            text = self.freehold("run", "events", run)
        said = {}
        for line in text.splitlines():
            event = json.loads(line)
            if event.get("type") == "output":
                step = event["payload"].get("step", "agent").split(":")[0]
                said[step] = said.get(step, "") + event["payload"].get("text", "")
        return {place: answers(said.get(place, "")) for place in ("setup", "agent", "check")}

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
