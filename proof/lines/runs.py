"""The same lines in a real run: its setup, its agent, the agent's tools, and its checks, by the product from card to review."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from .fixture import lay_out
from .places import answers, session

# Some of each family, fast, and without a tool that a machine may lack. That all ways in make the same walls is a test of the
# runner's; these show it.
REPRESENTATIVE = ("git-commit", "unix-socket", "tcp-loopback", "shm", "pty-ctrl-c", "read-ssh-key", "write-outside", "hook",
                  "environment-of-others", "see-victim", "mount", "user-namespace", "io-uring", "tcp-out", "abstract-socket",
                  "the-runners-user")
# Each way in of a run, and whose lines are tried there.
WAYS = {"setup": "setup", "agent": "agent", "tool": "agent", "terminal": "agent", "files": "files", "check": "check"}
READY_WITHIN = 120
RUN_WITHIN = 600


def of(way, lines):
    """The lines that are tried there."""
    representative = [line for line in lines if line.id in REPRESENTATIVE or "files" in line.places]
    return [line for line in representative if WAYS[way] in line.places]


class Runs:
    """An installation of its own with one project, in which lines are run."""

    def __init__(self, fixture, lines, program):
        self.program = program
        self.lines = list({line.id: line for way in WAYS for line in of(way, lines)}.values())
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="freehold-lines-run-"))
        self.env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "FREEHOLD_PG_BIN") if name in os.environ}
        self.repository(fixture)

    def mine(self, way):
        return of(way, self.lines)

    def agent(self):
        """What the agent does: lines by itself, by a shell of its tools, by one with a terminal, and by its file tools."""
        words = {way: " ".join(session(0, self.mine(way))) for way in ("agent", "tool", "terminal", "files")}
        tools = {way: f"python3 -B .line/mcp.py {way} {words[way]}" for way in ("tool", "terminal")}
        # Its own line adds a file: a run without work has no checks.
        return "; ".join(f"echo WAY {way}; {line}" for way, line in {**words, **tools}.items()) + "; echo done > done"

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
            agents = [self.program, "--data", str(self.folder / "data"), "agent", "add", "liner", "--driver", "command", "--tools",
                      "--json", "--", "sh", "-c", self.agent()]
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
        _, *ways = re.split(r"^WAY (\w+)\n", said.pop("agent", ""), flags=re.MULTILINE)
        said.update(zip(ways[::2], ways[1::2]))
        return {way: answers(said.get(way, "")) for way in WAYS}

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
