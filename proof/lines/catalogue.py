"""The lines: what is tried, and what must come of it. They are data, in catalogue/*.toml."""

import dataclasses
import pathlib
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
MUSTS = ("work", "fail")
EGRESS = ("none", "registries", "open")
# Ways in: the command, what a run starts, and the file tools of an agent. Its shell tool takes the agent's lines.
PLACES = ("command", "setup", "agent", "check", "files")
SECONDS = 30  # for a line that says nothing else; a busy machine takes long to compile one file


@dataclasses.dataclass(frozen=True)
class Line:
    """One line. Its exit code says what came of it: 0 it worked, 1 (or one of `refused`) it was refused, else it is broken."""

    id: str
    what: str
    must: str = "work"
    run: str = ""  # for sh
    python: str = ""  # for python3, with k.py beside it
    proxy: str = ""  # a request to the proxy: METHOD target
    header: str = ""
    egress: str = "none"
    needs: tuple = ("python3",)
    seconds: int = SECONDS
    refused: tuple = ()
    lessons: tuple = ()
    places: tuple = ("command", "setup", "agent", "check")
    root: bool = False  # its control needs root outside
    outside_as: str = ""  # the user of its control
    outside_in: str = ""  # a command around its control, so that this machine stays as it is
    applies: str = ""  # a question to this machine; when it says no, `otherwise` is why the line is not tried
    otherwise: str = ""

    def script(self):
        """(what sets it off, its text); see tools/session.sh."""
        if self.proxy:
            return "proxy", f"{self.proxy}\n{self.header}\n"
        return ("py", self.python) if self.python else ("sh", self.run)


def load():
    """All of them, in their order."""
    lines = []
    for file in ("work", "files", "processes", "kernel", "network", "tools"):
        for entry in tomllib.loads((HERE / f"catalogue/{file}.toml").read_text())["line"]:
            lists = {name: tuple(value) for name, value in entry.items() if isinstance(value, list)}
            lines.append(Line(**{**entry, **lists}))
    check(lines)
    return lines


def check(lines):
    """What a line must say to be of use."""
    seen = set()
    for line in lines:
        wrong = [
            line.id in seen and "its id is taken",
            line.must not in MUSTS and "`must` is work or fail",
            line.egress not in EGRESS and "an egress that is none",
            bool(line.run) + bool(line.python) + bool(line.proxy) != 1 and "one of run, python and proxy",
            bool(line.applies) != bool(line.otherwise) and "`applies` and `otherwise` come together",
            not set(line.places) <= set(PLACES) and "a place that is none",
        ]
        if any(wrong):
            raise ValueError(f"{line.id}: {next(filter(None, wrong))}")
        seen.add(line.id)
