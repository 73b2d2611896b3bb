#!/usr/bin/env python3
"""What isolation costs: the start of `true` in each way there is here, and building a crate inside and outside.

    scripts/bench_isolation.py [ROUNDS]

Rounds of all ways alternate and medians count. On a busy machine compare processor time: it counts what was waited for, and a
sandbox's own first process is waited for by the launcher. Nothing here asserts a speed. Peers are measured where `make lines
PEERS=1` has installed them, with an empty environment and a home of their own.
"""

import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FREEHOLD = os.environ.get("FREEHOLD_BIN", str(ROOT / "target/release/freehold"))
PEERS = ROOT / "target/peers"
STARTS = 5  # of each way in a round
CRATE = "freehold-model"  # depends on nothing else of ours


def measured(words, **options):
    """(seconds, processor seconds) of a command that must succeed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, **options)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{words[0]}: exit {done.returncode}: {done.stderr.decode()[-300:]}")
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ways(folder):
    """What starts `true`: name, words, environment."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    peer = {**env, "HOME": str(PEERS / "home")}  # Codex makes its helper below its home, and not in /tmp
    found = [
        ("fork + exec", ["true"], env),
        ("bwrap alone", ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin",
                         "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev",
                         "--tmpfs", "/tmp", "true"], env),
        ("freehold sandbox", [FREEHOLD, "sandbox", "--egress", "none", "--", "true"], env),
    ]
    codex, srt = (PEERS / "node_modules/.bin" / name for name in ("codex", "srt"))
    if codex.exists():
        found.append(("codex sandbox", [str(codex), "sandbox", "-c", 'sandbox_mode="workspace-write"', "--", "true"], peer))
    if srt.exists():
        settings = folder / "srt.json"
        settings.write_text(json.dumps({"network": {"allowedDomains": [], "deniedDomains": []},
                                        "filesystem": {"denyRead": [], "allowWrite": ["."], "denyWrite": []}}))
        found.append(("srt", [str(srt), "-s", str(settings), "--", "true"], peer))
    return found


def starts(rounds):
    print("\nstart of `true`, whole command lines; p50 and processor time, medians of rounds (scripts/bench_isolation.py)")
    with tempfile.TemporaryDirectory(prefix="fh-bench-") as folder:
        work = pathlib.Path(folder) / "work"
        work.mkdir()
        (PEERS / "home").mkdir(parents=True, exist_ok=True)
        all_ways, times = ways(pathlib.Path(folder)), {}
        for _ in range(rounds):
            for name, words, env in all_ways:
                some = [measured(words, env=env, cwd=work) for _ in range(STARTS)]
                times.setdefault(name, []).append([statistics.median(part) for part in zip(*some)])
        for name, _, _ in all_ways:
            took, cpu = (statistics.median(part) * 1000 for part in zip(*times[name]))
            print(f"  {name:20} {took:8.1f} ms   {cpu:7.1f} ms of processor time")


def crate(rounds):
    """Builds one crate of this repository from nothing, dependencies and all, by turns outside and inside."""
    with tempfile.TemporaryDirectory(prefix="fh-bench-") as place:
        place = pathlib.Path(place)
        tree, homes = place / "tree", {name: place / name for name in ("outside", "inside")}
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(tree)], check=True)
        shutil.rmtree(tree / ".git")  # as large as the rest, and the build reads none of it
        for home in homes.values():
            home.mkdir()
        env = {**os.environ, "HOME": str(homes["outside"]), "CARGO_HOME": str(homes["outside"] / ".cargo"),
               "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(pathlib.Path.home() / ".rustup"))}
        for name in ("CARGO_TARGET_DIR", "RUSTC_WRAPPER", "RUSTFLAGS", "CARGO_INCREMENTAL"):
            env.pop(name, None)
        inside = [FREEHOLD, "sandbox", "--dir", str(tree), "--home", str(homes["inside"]), "--json"]
        fetch = ["cargo", "fetch", "--locked", "--quiet"]
        build = ["sh", "-c", f"rm -rf target && cargo build --offline --locked --quiet -p {CRATE}"]
        measured(fetch, env=env, cwd=tree)
        measured([*inside, "--", *fetch])
        spent = {"outside": [], "inside": []}
        for _ in range(rounds):
            spent["outside"].append(measured(build, env=env, cwd=tree)[1])
            done = subprocess.run([*inside, "--egress", "none", "--", *build], capture_output=True, text=True, check=True)
            spent["inside"].append(json.loads(done.stderr.splitlines()[-1])["usage"]["cpu_seconds"])
        outside, within = (statistics.median(spent[name]) for name in ("outside", "inside"))
        print(f"\nbuilding {CRATE} from nothing, processor time   outside {outside:.2f} s   inside {within:.2f} s   "
              f"ratio {within / outside:.3f} (aim 1.05)   (cargo build --offline --locked -p {CRATE})")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    subprocess.run(["cargo", "run", "-q", "--release", "--locked", "-p", "freehold-sandbox", "--example", "start", "--", "40"], cwd=ROOT, check=True)
    starts(rounds)
    crate(max(1, rounds // 2))


if __name__ == "__main__":
    main()
