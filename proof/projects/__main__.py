"""Real published projects, set up and tested outside and inside the default sandbox: is the result the same?

    make projects                a hundred, resumable: what is known is not done again
    make projects COUNT=12       a dozen
    make projects FRESH=1        from the beginning

The rule, not a hand, chooses: see README.md beside this file. The result is in target/projects/.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time

from .compare import compare
from .kinds import HERE, KINDS, ROOT
from .sides import Stopped, freehold, stop

SAME_AT_LEAST = 0.95
# Of each hundred: what compiles here is most of what this machine's people do.
SHARES = {"rust": 45, "pypi": 30, "npm": 25}
DOZEN = 12
BESIDE = 2  # of one kind at a time
PLACE = ROOT / "target/projects"


def remove(folder):
    """Also what a test made unreadable."""
    def unlock(function, path, _):
        os.chmod(pathlib.Path(path).parent, stat.S_IRWXU)
        if not os.path.islink(path):
            os.chmod(path, stat.S_IRWXU)
        function(path)
    if folder.exists():
        shutil.rmtree(folder, onerror=unlock)


class State:
    """What is known of each candidate, kept after each."""

    def __init__(self, path, fresh):
        self.path = path
        self.lock = threading.Lock()
        self.records = {}
        if path.is_file() and not fresh:
            self.records = {(one["kind"], one["name"], one["version"]): one for one in json.loads(path.read_text())}

    def having(self, kind):
        """How many of a kind count."""
        return sum(key[0] == kind.name and one["result"] != "excluded" for key, one in self.records.items())

    def keep(self, record):
        with self.lock:
            # Another dictionary, so that who reads the old one is not disturbed.
            self.records = {**self.records, (record["kind"], record["name"], record["version"]): record}
            partial = self.path.with_suffix(".partial")
            partial.write_text(json.dumps(list(self.records.values()), indent=1))
            partial.replace(self.path)


def quotas(count):
    """How many of each kind: the shares of `count`, the first kind takes the rest."""
    wanted = {name: count * share // 100 for name, share in SHARES.items()}
    wanted["rust"] += count - sum(wanted.values())
    return wanted


def drain(kind, state, wanted, until, program):
    """Candidates of a kind, in its order and some beside each other, until `wanted` of them count, there are no more, or
    time is up. One compiles while another waits for the network. More may be known in the end than are wanted."""
    rest = iter([one for one in kind.candidates() if (kind.name, one.name, one.version) not in state.records])
    lock = threading.Lock()

    def work():
        while state.having(kind) < wanted and time.monotonic() < until:
            with lock:
                one = next(rest, None)
            if one is None:
                return
            examine(state, kind, one, program)

    with concurrent.futures.ThreadPoolExecutor(BESIDE) as pool:
        for done in [pool.submit(work) for _ in range(BESIDE)]:
            done.result()


def all_kinds(kinds, state, wanted, until, program):
    """Every kind beside the others. What a kind lacks in the end, the first kind gives: `wanted` is changed."""
    with concurrent.futures.ThreadPoolExecutor(len(kinds)) as pool:
        for done in [pool.submit(drain, kind, state, wanted[kind.name], until, program) for kind in kinds]:
            done.result()
    first = kinds[0]
    for kind in kinds[1:]:
        lacks = max(0, wanted[kind.name] - state.having(kind))
        wanted[first.name] += lacks
        wanted[kind.name] -= lacks
    drain(first, state, wanted[first.name], until, program)


def dozen():
    """The quickest of those that the rule chose: short enough for every change. Versions are those of the candidates."""
    lines = (HERE / "dozen.txt").read_text().splitlines()
    known = {(kind.name, one.name): (kind, one) for kind in KINDS for one in reversed(kind.candidates())}
    return [known[tuple(line.split())] for line in lines if line and not line.startswith("#")]


def enough(same, records, count):
    """At least 95 %; of a few, one may differ."""
    return len(records) == count and (same / count >= SAME_AT_LEAST or len(records) - same <= 1)


def counted(state, wanted):
    """The records that count: of each kind the first ones of its order, up to the quota."""
    counts = collections.Counter()
    for kind in KINDS:
        for one in kind.candidates():
            record = state.records.get((kind.name, one.name, one.version))
            if record and record["result"] != "excluded" and counts[kind.name] < wanted[kind.name]:
                counts[kind.name] += 1
                yield record


def table(records, state):
    print(f"\n{'kind':5} {'same':>5} {'of':>4}   left out by the rule")
    for kind in KINDS:
        mine = [one for one in records if one["kind"] == kind.name]
        out = collections.Counter(one["why"] for key, one in state.records.items() if key[0] == kind.name and one["result"] == "excluded")
        same = sum(one["result"] == "same" for one in mine)
        print(f"{kind.name:5} {same:5} {len(mine):4}   {', '.join(f'{n} × {why}' for why, n in out.most_common())}")
    for one in records:
        if one["result"] == "excluded":
            print(f"left out: {one['kind']} {one['name']} {one['version']}: {one['why']}; {one['said'][-300:]}")
        elif one["result"] != "same":
            print(f"different: {one['kind']} {one['name']} {one['version']}: outside {one['outside']}, inside {one['inside']}: {one['cause']}")


def examine(state, kind, one, program):
    # Not below this repository: cargo would take each for a part of its workspace.
    place = pathlib.Path(tempfile.mkdtemp(prefix="freehold-project-"))
    try:
        record = compare(kind, one, place, program)
    finally:
        remove(place)
    state.keep(record)
    print(f"{record['result']:9} {kind.name:5} {one.name} {one.version}  {record.get('why') or record.get('outside')}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=240, help="no new project is begun after these")
    parser.add_argument("--fresh", action="store_true")
    args = parser.parse_args()
    program = freehold()
    if program is None:
        sys.exit("freehold is not built: `make release`, or name it with FREEHOLD_BIN")
    for ask in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ask, lambda *_: stop())  # what was begun ends and is removed
    kinds = [kind for kind in KINDS if all(map(shutil.which, kind.programs))]
    PLACE.mkdir(parents=True, exist_ok=True)
    few = args.count == DOZEN and (HERE / "dozen.txt").is_file()
    state = State(PLACE / ("dozen.json" if few else "result.json"), args.fresh or few)
    ends = time.monotonic() + args.minutes * 60
    try:
        if few:
            for kind, one in dozen():
                examine(state, kind, one, program)
            records = list(state.records.values())
        else:
            wanted = quotas(args.count)
            all_kinds(kinds, state, wanted, ends, program)
            records = list(counted(state, wanted))
    except Stopped:
        sys.exit("stopped; what is known is kept, and the same command goes on from there")
    table(records, state)
    same = sum(one["result"] == "same" for one in records)
    share = same / len(records) if records else 0
    print(f"\n{same} of {len(records)} gave the same result inside ({share:.0%}; wanted {args.count} projects, at least {SAME_AT_LEAST:.0%})")
    print(f"projects: {same} passed, {len(records) - same} failed")
    sys.exit(0 if enough(same, records, args.count) else 1)


if __name__ == "__main__":
    main()
