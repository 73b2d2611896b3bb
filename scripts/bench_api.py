#!/usr/bin/env python3
"""How requests fare: a mix at a fixed rate, lists among a million members, row-level security, a noisy neighbour.

    scripts/bench_api.py [mix] [crowd] [rls] [noisy]     RATE=500 MIX_SECONDS=300 ROUNDS=5

Each runs the whole server over a PostgreSQL of its own that waits for the disk, with its floor in the same run; the commands are
printed, and can be run alone. Nothing here asserts a speed. All is on loopback and in a temporary directory, and ends by itself.
UPDATE_PLANS=1 lets crowd write docs/plans.md.
"""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("REQUESTS_BIN", str(ROOT / "target/release/examples/requests"))
ROUNDS = os.environ.get("ROUNDS", "5")
LONGEST = 1900  # seconds of one; the program gives up before


def run(*words):
    command = [PROGRAM, *words]
    print("\n$", os.path.relpath(PROGRAM), *words, flush=True)
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=LONGEST)
    if ended.returncode:
        sys.exit(f"{' '.join(words)} could not be measured: it says why above")
    return json.loads(ended.stdout)


def row(name, *cells):
    print(f"  {name:44}", *(f"{cell:>14}" for cell in cells))


def ms(value):
    return f"{value:.1f} ms"


def mix():
    said = run("mix", "rate", os.environ.get("RATE", "500"), "seconds", os.environ.get("MIX_SECONDS", "300"))
    row(f"{said['rate']} requests/s for {said['seconds']:.0f} s", "requests", "p50", "p99")
    for kind, took in said["kinds"].items():
        row(kind, took["requests"], ms(took["p50_ms"]), ms(took["p99_ms"]))
    row("all (aim: p99 100 ms, no error)", said["requests"], ms(said["p50_ms"]), ms(said["p99_ms"]))
    row("floor: a page without the database", "", ms(said["floor_p50_ms"]), ms(said["floor_p99_ms"]))
    row("processors: server and client, PostgreSQL", f"{said['cpu_with_client']:.2f}", f"{said['cpu_postgres']:.2f}")
    print("  refused:", said["refused"] or "none", "· runs:", said["runs"], "· cards:", said["cards"])


def crowd():
    said = run("crowd")
    row(f"{said['tenants']} organizations, {said['members']} members", "small p50", "small p99", "large p50", "large p99")
    for name, took in said["lists"].items():
        row(name, ms(took["p50_ms"]), ms(took["p99_ms"]), ms(took["large_p50_ms"]), ms(took["large_p99_ms"]))
    row("all (aim: p99 150 ms)", ms(said["p50_ms"]), ms(said["p99_ms"]))
    others = said["lines_not_in_docs_plans"]
    print("  plans:", "as docs/plans.md says" if not others else "\n    ".join(["not in docs/plans.md:", *others]))


def rls():
    said = run("rls", "rounds", ROUNDS)
    row("reads a second, over HTTP", "with", "without", "time ratio")
    for name, key in [("a member", "row"), ("fifty members", "list")]:
        ratio = f"{said[key + '_time_ratio']:.2f}"
        row(name, f"{said[key + '_per_s']:.0f}", f"{said[key + '_without_policies_per_s']:.0f}", ratio)
    print("  aim: 1.15")
    row("token and row, in process", "bound", "one statement", "of it")
    row("", f"{said['read_in_process_per_s']:.0f}", f"{said['one_statement_without_policies_per_s']:.0f}", f"{said['read_of_floor']:.2f}")
    print("  aim: 0.85")


def noisy():
    said = run("noisy", "rounds", ROUNDS)
    row(f"limit {said['limit_per_s']}/s, another sends {said['times']} times it", "p50 alone", "p50 beside", "ratio")
    row("", ms(said["p50_alone_ms"]), ms(said["p50_beside_ms"]), f"{said['ratio']:.2f}")
    print("  aim: 1.20 · refused with 429 and Retry-After:", said["refused_429_with_retry_after"], "· otherwise:", said["other_refusals"] or "none")


MEASUREMENTS = {"mix": mix, "crowd": crowd, "rls": rls, "noisy": noisy}

if __name__ == "__main__":
    names = sys.argv[1:] or list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        sys.exit(__doc__)
    for name in names:
        MEASUREMENTS[name]()
