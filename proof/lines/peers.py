"""The same lines under the sandboxes of others, as npm has them, at their defaults with the workspace writable.

Each gets an empty environment and a sealed home. What one does not promise is told beside its column, from its own
documentation: both show the whole file system to read, and neither hides it behind an empty root.
"""

import json
import os
import pathlib

from .places import Sandboxed

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PEERS = ROOT / "target/peers"
PROGRAMS = PEERS / "node_modules/.bin"
# scripts/install peers puts them there. What their documentation says they leave open:
READING = ("read-", "list-", "find-by-search", "symlink-out", "hardlink-out", "dot-dot", "proc-self-root", "loader", "system-configuration",
           "git-alternates")


class Peer(Sandboxed):
    def __init__(self, fixture, lines):
        super().__init__(fixture, lines)
        self.home = PEERS / "home"
        self.home.mkdir(parents=True, exist_ok=True)

    def env(self):
        # As outside: the toolchain is where it is, whatever the home.
        rustup = os.environ.get("RUSTUP_HOME", str(pathlib.Path.home() / ".rustup"))
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "RUSTUP_HOME": rustup}

    def outside_the_promise(self, line):
        """Why a failure is none of the peer's, or nothing."""
        if line.must == "fail" and line.id.startswith(READING):
            return "reads all, by default"
        if line.id == "environment-of-others":
            return "passes the environment on, by default"
        if line.egress != "none":
            return "has no preset for registries, and its network is off by default"
        return ""


class Codex(Peer):
    name = "codex"
    program = PROGRAMS / "codex"

    def words(self, egress):
        return [str(self.program), "sandbox", "-c", 'sandbox_mode="workspace-write"', "--"]


class Srt(Peer):
    name = "srt"
    program = PROGRAMS / "srt"

    def words(self, egress):
        settings = self.home / "settings.json"
        settings.write_text(json.dumps({
            "network": {"allowedDomains": [], "deniedDomains": []},
            "filesystem": {"denyRead": [], "allowWrite": ["."], "denyWrite": []},
        }))
        return [str(self.program), "-s", str(settings), "--"]


def installed():
    return [peer for peer in (Codex, Srt) if peer.program.exists()]
