"""What must work in the sandbox and what must not, each line with its positive control outside.

    make lines                     the sandbox tier, as first and as fiftieth command, and in a run
    make lines TIER=container      another tier, or several with commas between them; in vm, one boot serves all lines
    make lines PEERS=1             the same lines under the sandboxes of others that are installed, side by side
    python3 -m proof.lines --only mount,npm-ci

The result is printed, and written to target/lines/ as JSON.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import sys

from .catalogue import load
from .fixture import Fixture
from .judge import control, judge
from .machine import apart, lacking
from .peers import installed
from .places import Command, Outside
from .runs import REPRESENTATIVE, Runs

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
AT_LEAST = 80  # lines
NOT_HERE_AT_MOST = 6  # lines that a machine may be unable to try
BEFORE = 49


def freehold():
    """The program that is tested."""
    given = os.environ.get("FREEHOLD_BIN")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    found = [pathlib.Path(given)] if given else [target / kind / "freehold" for kind in ("debug", "release")]
    return next((str(path.resolve()) for path in found if path.is_file()), None)


def controls(lines, outside):
    """(lines that count, {id: why one cannot be tried here}, {id: why its control failed})."""
    tried, not_here, failed = [], {}, {}
    for line in lines:
        missing = [name for name in line.needs if not shutil.which(name)]
        if line.root and os.geteuid() != 0:
            not_here[line.id] = "its control needs root"
        elif line.applies and not outside.applies(line):
            not_here[line.id] = line.otherwise
        elif missing:
            failed[line.id] = f"no control: {', '.join(missing)} is missing here"
        else:
            verdict = control(line, *outside.run(line))
            if verdict.ok:
                tried.append(line)
            else:
                failed[line.id] = verdict.why
    return tried, not_here, failed


def first(place, lines):
    """Each as the first command of a start of its own."""
    for line in lines:
        found = place.together([line], 0)
        yield line, *found.get(line.id, (None, found[""][1]))


def fiftieth(place, lines):
    """All of one egress in one start, after 49 other commands."""
    for egress in ("none", "registries", "open"):
        mine = [line for line in lines if line.egress == egress]
        if mine:
            found = place.together(mine, BEFORE)
            for line in mine:
                yield line, *found.get(line.id, (None, found[""][1]))


def answered(place, lines):
    """All in one start; those that had no answer, because another ended the session, in a start of their own."""
    found = place.together(lines, 0)
    for line in lines:
        if line.id not in found:
            found |= place.together([line], 0)
        yield line, *found.get(line.id, (None, found[""][1]))


def judged(found):
    return {line.id: judge(line, code, said) for line, code, said in found}


def ours(args, fixture, lines, tried, program, places):
    """{heading: {line: verdict}} of the product's own ways in."""
    mine = [line for line in tried if "command" in line.places]
    results = {}
    for tier in args.tier.split(","):
        place = Command(fixture, lines, program, tier, args.firecracker)
        places.append(place)
        if tier == "vm":
            there, left = apart(mine)
            results["vm, one boot"] = judged(fiftieth(place, there))
            for why, ids in left.items():
                print(f"not in a machine, {len(ids)} lines: {why}: {', '.join(ids)}")
            continue
        there, left = apart(mine, lacking(place.runtime))
        for why, ids in left.items():
            print(f"not by {place.runtime}, {len(ids)} lines: {why}: {', '.join(ids)}")
        results[f"{tier}, first"] = judged(first(place, there))
        results[f"{tier}, fiftieth"] = judged(fiftieth(place, there))
    if "sandbox" in args.tier.split(",") and not args.no_runs:
        runs = Runs(fixture, tried, program)
        try:
            for way, found in runs.answers().items():
                results[f"run: {way}"] = judged((line, *found.get(line.id, (None, "no answer"))) for line in runs.mine(way))
        finally:
            runs.remove()
    return results


def peers(fixture, lines, tried, places):
    """The same of others, all in one start; a line outside of what one promises is told apart."""
    results = {}
    for kind in installed():
        place = kind(fixture, lines)
        places.append(place)
        found = judged(answered(place, [line for line in tried if "command" in line.places]))
        for line in tried:
            if line.id in found and not found[line.id].ok and (why := place.outside_the_promise(line)):
                found[line.id].why = f"({why}) {found[line.id].why}"
        results[kind.name] = found
    return results


def cell(verdict):
    if verdict is None:
        return "-"
    # What a peer does not promise is none of its failures.
    return "ok" if verdict.ok else "not promised" if verdict.why.startswith("(") else "FAILED"


def show(lines, results, not_here, failed):
    headings = list(results)
    print(f"\n{'line':24} {'must':5} {'outside':8} " + " ".join(f"{name:20}" for name in headings))
    for line in lines:
        if line.id in not_here:
            print(f"{line.id:24} {line.must:5} n/a      {not_here[line.id]}")
            continue
        outside = "FAILED" if line.id in failed else "works"
        cells = (cell(results[name].get(line.id)) for name in headings)
        print(f"{line.id:24} {line.must:5} {outside:8} " + " ".join(f"{cell:20}" for cell in cells))
    for name in headings:
        for key, verdict in results[name].items():
            if not verdict.ok:
                print(f"FAILED {key} ({name}): {verdict.why[:300]}")
    for key, why in failed.items():
        print(f"FAILED {key}: {why}")
    print()
    count(headings, results)


def count(headings, results):
    """For each way, how many lines it kept, and of the others how many it promises."""
    for name in headings:
        cells = [cell(verdict) for verdict in results[name].values()]
        print(f"{name:20} {cells.count('ok'):4} kept {cells.count('FAILED'):4} failed {cells.count('not promised'):4} not promised")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tier", default="sandbox")
    parser.add_argument("--only", default="", help="ids, with commas between them")
    parser.add_argument("--firecracker", help="the program of one, or `standin`: it runs the machines of the tier vm")
    parser.add_argument("--few", action="store_true", help="the representative lines alone")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--no-runs", action="store_true", help="the command alone, no installation with a run")
    args = parser.parse_args()
    program = freehold()
    if program is None:
        sys.exit("freehold is not built: `cargo build`, or name it with FREEHOLD_BIN")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the fixture goes
    wanted = list(REPRESENTATIVE) if args.few else [name for name in args.only.split(",") if name]
    lines = [line for line in load() if not wanted or line.id in wanted]
    places = []
    with Fixture() as fixture:
        try:
            outside = Outside(fixture, lines)
            places.append(outside)
            tried, not_here, failed = controls(lines, outside)
            results = ours(args, fixture, lines, tried, program, places)
            others = peers(fixture, lines, tried, places) if args.peers else {}
        finally:
            for place in places:
                place.workspace.remove()
    show(lines, {**results, **others}, not_here, failed)
    folder = ROOT / "target/lines"
    folder.mkdir(parents=True, exist_ok=True)
    document = {"not_here": not_here, "no_control": failed,
                "results": {name: {key: vars(verdict) for key, verdict in found.items()} for name, found in {**results, **others}.items()}}
    (folder / f"{args.tier.replace(',', '-')}.json").write_text(json.dumps(document, indent=1))
    passed = sum(verdict.ok for found in results.values() for verdict in found.values())
    wrong = sum(not verdict.ok for found in results.values() for verdict in found.values()) + len(failed)
    print(f"\n{len(lines)} lines; {len(tried)} tried, {len(not_here)} not applicable here")
    print(f"lines: {passed} passed, {wrong} failed")
    enough = bool(wanted) or len(tried) >= AT_LEAST and (os.geteuid() != 0 or len(not_here) <= NOT_HERE_AT_MOST)
    sys.exit(1 if wrong or not enough else 0)


if __name__ == "__main__":
    main()
