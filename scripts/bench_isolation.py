#!/usr/bin/env python3
"""What isolation costs: the start of `true` in each way there is here, a workspace beside `git worktree add`, and building a crate
inside and outside.

    scripts/bench_isolation.py [ROUNDS [FILES]]

Rounds of all ways alternate and medians count. On a busy machine compare processor time: it counts what was waited for, and a
sandbox's own first process is waited for by the launcher. Nothing here asserts a speed. Peers are measured where `scripts/install
peers` has put them, with an empty environment and a home of their own; machines where there is a kernel for them. Each figure has
its command above it. Some five minutes on a quiet machine.
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
EXAMPLES = pathlib.Path(os.environ.get("FREEHOLD_EXAMPLES", ROOT / "target/release/examples"))
PEERS = ROOT / "target/peers"
KERNEL = ROOT / "target/vm-kernel"
STARTS = 5  # of each way in a round
SLOW = ("freehold, vm",)  # one in a round
FILES = 50_000
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
        *((f"freehold, {tier}", [FREEHOLD, "sandbox", "--tier", tier, "--egress", "none", "--", "true"], env)
          for tier in ("none", "sandbox")),
    ]
    if shutil.which("runc"):
        container = [FREEHOLD, "sandbox", "--tier", "container", "--egress", "none", "--", "true"]
        found += [("runc alone", runc(folder), env), ("freehold, container", container, env)]
    if shutil.which("qemu-system-x86_64") and KERNEL.is_dir():
        machine = [FREEHOLD, "sandbox", "--tier", "vm", "--image", str(KERNEL), "--egress", "none", "--", "true"]
        found.append(("freehold, vm", machine, env))
    codex, srt = (PEERS / "node_modules/.bin" / name for name in ("codex", "srt"))
    if codex.exists():
        found.append(("codex sandbox", [str(codex), "sandbox", "-c", 'sandbox_mode="workspace-write"', "--", "true"], peer))
    if srt.exists():
        settings = folder / "srt.json"
        settings.write_text(json.dumps({"network": {"allowedDomains": [], "deniedDomains": []},
                                        "filesystem": {"denyRead": [], "allowWrite": ["."], "denyWrite": []}}))
        found.append(("srt", [str(srt), "-s", str(settings), "--", "true"], peer))
    return found


def runc(folder):
    """`true` in a bundle as `runc spec` writes it, on this machine's own /usr."""
    root = folder / "bundle/rootfs"
    (root / "usr").mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    subprocess.run(["runc", "spec"], cwd=root.parent, check=True)
    path = root.parent / "config.json"
    config = json.loads(path.read_text())
    config["process"].update(args=["true"], terminal=False, rlimits=[])  # its default raises a limit, which not every machine allows
    config["mounts"].append({"source": "/usr", "destination": "/usr", "type": "bind", "options": ["rbind", "ro"]})
    path.write_text(json.dumps(config))
    return ["runc", "--root", str(folder / "state"), "run", "--bundle", str(root.parent), f"freehold-bench-{os.getpid()}"]


def told(words):
    """Runs a program that prints its own figures, and says which."""
    print(f"\n$ {' '.join(map(str, words))}", flush=True)
    subprocess.run(words, cwd=ROOT, check=True)


def starts(rounds):
    print("\nstart of `true`, whole command lines; p50 and processor time, medians of rounds")
    with tempfile.TemporaryDirectory(prefix="fh-bench-") as folder:
        work = pathlib.Path(folder) / "work"
        work.mkdir()
        (PEERS / "home").mkdir(parents=True, exist_ok=True)
        all_ways, times = ways(pathlib.Path(folder)), {}
        for _ in range(rounds):
            for name, words, env in all_ways:
                some = [measured(words, env=env, cwd=work) for _ in range(1 if name in SLOW else STARTS)]
                times.setdefault(name, []).append([statistics.median(part) for part in zip(*some)])
        for name, words, _ in all_ways:
            print(f"  $ {' '.join(words)}")
            took, cpu = (statistics.median(part) * 1000 for part in zip(*times[name]))
            print(f"  {name:20} {took:8.1f} ms   {cpu:7.1f} ms of processor time")


def workspaces(rounds, files):
    """At two sizes, so that it shows whether the cost grows with the files; and where no overlay can be mounted."""
    example = str(EXAMPLES / "workspace")
    for count in (files // 10, files):
        told([example, str(count), str(rounds)])
    if os.geteuid() == 0 and shutil.which("setpriv"):
        told(["setpriv", "--bounding-set=-sys_admin", example, str(files), str(rounds)])
    else:
        print("not measured: a workspace without overlays (needs root and setpriv)")
    print("aims: warm 20 ms, and the same at both sizes; warm_status 1.2 × git_worktree_status_2; checkout 1.1 × git_worktree_again")


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
    files = int(sys.argv[2]) if len(sys.argv) > 2 else FILES
    told([str(EXAMPLES / "start"), "40"])
    starts(rounds)
    workspaces(rounds, files)
    crate(max(1, rounds // 2))


if __name__ == "__main__":
    main()
