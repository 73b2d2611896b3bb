#!/usr/bin/env python3
"""Freehold's queue beside others, in one run: asked for, taken, two steps, done.

    scripts/bench_runs.py [--crash] [--only NAME[,NAME…]]     ROUNDS=5 JOBS=2000 ALONE=50 WORKERS=16

One PostgreSQL that waits for the disk serves all peers, with a fresh database for each peer and round; Freehold's example starts one
like it for itself. Rounds of all alternate and medians count. On a busy machine compare processor time. Nothing here asserts a speed.
`scripts/install peers` puts the peers into target/queues; one that is not there, or does not end, is named with the reason.
With --crash the workers are killed (-9) in the middle and started again, and what is lost and doubled is counted.
All is on loopback and in a temporary directory, and it ends by itself.
"""

import contextlib
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "scripts/peers"
QUEUES = ROOT / "target/queues"
RUNS = os.environ.get("RUNS_BIN", str(ROOT / "target/release/examples/runs"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
JOBS = int(os.environ.get("JOBS", "2000"))
ALONE = int(os.environ.get("ALONE", "50"))
WORKERS = int(os.environ.get("WORKERS", "16"))
BATCH = 100  # jobs in one request, of the batched; more gives nothing (docs and our own measurements)
LONGEST = 120  # seconds of one answer; a peer that needs more is named so
BUDGET = 24 * 60  # seconds of everything; rounds that do not fit are left out, and that is said
PLAIN, CRASH = 2_000_000, 3_000_000  # peer.py says what numbers of jobs mean
STEPS = 1_000_000
KILLED = 1000  # jobs of the crash; slow peers get fewer here too
BACK = 60  # seconds that a peer has to bring back what a dead worker had
TICK = os.sysconf("SC_CLK_TCK")
SCHEMA = "CREATE TABLE steps (job int, n int); CREATE TABLE effects (job int)"


@dataclass(frozen=True)
class Peer:
    name: str
    words: tuple  # what is run, before the role
    share: float  # of JOBS: slow ones get fewer
    promise: str
    batched: bool = False
    own_steps: bool = False
    server: str = ""
    asks_itself: bool = False  # the process that asks is the one that works


NODE = (str(QUEUES / "node/bin/node"),)
PYTHON = (str(QUEUES / "python/bin/python"),)
DELETED = "at least once; the job's row is deleted when it is done; a dead worker's jobs stay locked for 4 h"
KEPT = "at least once; done jobs are kept; a dead worker's jobs expire after 15 min"
ALL = (
    Peer("graphile-worker", (*NODE, "graphile.mjs"), 1, DELETED),
    Peer("graphile-worker, batched", (*NODE, "graphile.mjs"), 1, DELETED + ", up to 500 of them", batched=True),
    Peer("pg-boss", (*NODE, "pgboss.mjs"), 0.25, KEPT),
    Peer("pg-boss, batched", (*NODE, "pgboss.mjs"), 1, KEPT + "; a hundred jobs fail as one", batched=True),
    Peer("procrastinate", (*PYTHON, "procrastinate_peer.py"), 0.5,
         "at least once; done jobs are kept; a dead worker's jobs are retried where the application looks for them (it does here)"),
    Peer("awa-pg", (*PYTHON, "awa_peer.py"), 1,
         "at least once; done jobs are kept for a day; a dead worker's lease runs out (its own commit of the end is not timed)",
         asks_itself=True),
    Peer("awa-pg, batched", (*PYTHON, "awa_peer.py"), 1, "the same; asked for by COPY", batched=True, asks_itself=True),
    Peer("dbos", (*PYTHON, "dbos_peer.py"), 0.25, "steps and results recorded and kept; goes on when the worker is started again",
         own_steps=True, asks_itself=True),
    Peer("restate", (*NODE, "restate.mjs"), 0.5, "steps recorded in a log of its own, which is deleted when done; retried at once",
         own_steps=True, server="restate"),
    Peer("temporal, dev, SQLite file", (*PYTHON, "temporal_peer.py"), 0.1,
         "steps and history recorded and kept, in a file; its makers do not mean it for production; retried after the activity's time limit",
         own_steps=True, server="temporal"),
    Peer("temporal, dev, in memory", (*PYTHON, "temporal_peer.py"), 0.1, "the same, and nothing outlives the server",
         own_steps=True, server="temporal, in memory"),
)
OURS = {
    "freehold, in process": (),
    "freehold, over the API": ("api",),
}
OUR_PROMISE = ("at least once, a stale worker is refused by its epoch; steps, events, the card's history and the key of the request "
               "recorded and kept, under row-level security; orders signed and sealed")


class Failed(Exception):
    """Why a peer has no figures."""


NO_FIGURES = (Failed, subprocess.TimeoutExpired, OSError, ValueError)  # one that ended under our hands: a pipe, or half a line


class Process:
    """A child whose lines are read as they come; it is ended by its own id."""

    def __init__(self, words, env, log, user=None):
        self.lines, self.log = queue.Queue(), log
        group = {"user": user, "group": user, "extra_groups": []} if user else {}
        with open(log, "ab") as errors:
            self.child = subprocess.Popen(words, cwd=log.parent, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                          text=True, **group)
        self.starts = {}
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.child.stdout:
            if line.startswith("started "):
                _, job, at = line.split()
                self.starts.setdefault(job, int(at))
            else:
                self.lines.put(line.strip())
        self.lines.put(None)

    def answer(self, deadline):
        try:
            line = self.lines.get(timeout=max(0.1, min(LONGEST, deadline - time.monotonic())))
        except queue.Empty:
            raise Failed(f"no answer in {LONGEST} s") from None
        if line is None:
            said = self.log.read_text(errors="replace").strip().splitlines()
            raise Failed(f"ended by itself: {' '.join(said[-2:])[-200:] or 'said nothing'}")
        return line

    def command(self, words, deadline):
        self.child.stdin.write(words + "\n")
        self.child.stdin.flush()
        return json.loads(self.answer(deadline))

    def end(self, how=signal.SIGKILL):
        if self.child.poll() is None:
            self.child.send_signal(how)
        try:
            self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        with contextlib.suppress(BrokenPipeError):
            self.child.stdin.close()


def processor(*roots):
    """Processor seconds of these processes, of what descends from them, and of what of it has ended."""
    parents, seconds = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                rest = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                parents[int(entry.name)] = int(rest[1])
                seconds[int(entry.name)] = sum(map(int, rest[11:15])) / TICK

    def under(pid):
        while pid and pid not in roots:
            pid = parents.get(pid, 0)
        return pid

    return sum(spent for pid, spent in seconds.items() if under(pid))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(look, seconds, what):
    ends = time.monotonic() + seconds
    while not look():
        if time.monotonic() > ends:
            raise Failed(f"{what}: not in {seconds} s")
        time.sleep(0.02)


def programs():
    """PostgreSQL's, the newest that there is, as Freehold looks for them."""
    named = os.environ.get("FREEHOLD_PG_BIN")
    found = [pathlib.Path(named)] if named else sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda at: int(at.parent.name))
    if not found:
        sys.exit("no PostgreSQL here: scripts/install")
    return found[-1]


class Postgres:
    """A cluster of its own that waits for the disk."""

    def __init__(self, folder):
        self.bin, self.port, data = programs(), free_port(), folder / "data"
        self.env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        self.user = None
        if os.geteuid() == 0:  # it refuses to run as root
            self.user = "postgres"
            shutil.chown(folder, "postgres", "postgres")
        group = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        subprocess.run([self.bin / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale"], check=True,
                       cwd=folder, env=self.env, stdout=subprocess.DEVNULL, **group)
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": folder, "fsync": "on",
                    "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "256MB", "max_connections": 200}
        words = [self.bin / "postgres", "-D", data, *(f"-c{name}={value}" for name, value in settings.items())]
        self.process = Process(words, self.env, folder / "postgres.log", self.user)
        until(self.ready, 30, "PostgreSQL")
        self.version = self.sql("postgres", "SHOW server_version").split()[0]

    def ready(self):
        return subprocess.run([self.bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], env=self.env, check=False).returncode == 0

    def sql(self, database, text):
        done = subprocess.run([self.bin / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", text], env=self.env, check=False,
                              capture_output=True, text=True)
        if done.returncode:
            raise Failed(done.stderr.strip()[-200:])
        return done.stdout.strip()

    def url(self, database):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    @contextlib.contextmanager
    def database(self):
        self.sql("postgres", "CREATE DATABASE bench")
        try:
            self.sql("bench", SCHEMA)
            self.sql("postgres", "CHECKPOINT")  # each begins with a clean log
            yield self.url("bench")
        finally:
            with contextlib.suppress(Failed):  # the reason why it ends early counts; the next one's CREATE would say so
                self.sql("postgres", "DROP DATABASE bench WITH (FORCE)")


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except (urllib.error.URLError, OSError):
        return False


def listens(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def serve(kind, folder, env):
    """A peer's own server, and where its workers find it."""
    if kind == "restate":
        binary = next((QUEUES / "node_modules/@restatedev").glob("restate-server-linux-*/bin/restate-server"), None)
        if not binary:
            raise Failed("its server's package is not there")
        node, admin, ingress = free_port(), free_port(), free_port()
        own = {**env, "RESTATE_DISABLE_TELEMETRY": "true", "RESTATE_BASE_DIR": str(folder), "RESTATE_LOG_FILTER": "warn",
               "RESTATE_LISTEN_MODE": "tcp", "RESTATE_BIND_IP": "127.0.0.1", "RESTATE_BIND_PORT": str(node),
               "RESTATE_ADMIN__BIND_PORT": str(admin), "RESTATE_INGRESS__BIND_PORT": str(ingress)}
        process = Process([str(binary), "--no-logo"], own, folder / "server.log")
        there = {"INGRESS": f"http://127.0.0.1:{ingress}", "ADMIN": f"http://127.0.0.1:{admin}", "ENDPOINT_PORT": str(free_port())}
        ready = lambda: answers(f"{there['INGRESS']}/restate/health") and answers(f"{there['ADMIN']}/health")
    else:
        port = free_port()
        words = [str(QUEUES / "python/bin/temporal"), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port),
                 "--http-port", str(free_port()), "--metrics-port", str(free_port()), "--log-level", "error"]
        if kind == "temporal":
            # As durable as its default, and faster.
            words += ["--db-filename", str(folder / "temporal.sqlite"), "--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=full"]
        process = Process(words, env, folder / "server.log")
        there = {"SERVER": f"127.0.0.1:{port}"}
        ready = lambda: listens(port)
    try:
        until(ready, 60, "its server")
    except Failed:
        process.end()
        raise
    return process, there


def installed(program):
    if not os.access(program, os.X_OK):
        raise Failed("not installed: scripts/install peers")


class Running:
    """A peer with its server, its worker and one that asks."""

    def __init__(self, peer, url, folder, deadline, crash=False):
        self.peer, self.deadline, self.all, self.folder = peer, deadline, [], folder
        self.env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(folder), "DATABASE_URL": url, "WORKERS": str(WORKERS),
                    "BATCH": str(BATCH if peer.batched else 0), "PEER_PACKAGES": str(QUEUES), "PYTHONDONTWRITEBYTECODE": "1",
                    "RESTATE_LOGGING": "ERROR"}
        installed(peer.words[0])
        try:
            if peer.server:
                process, there = serve(peer.server, folder, self.env)
                self.all.append(process)
                self.env |= there
            done = subprocess.run(self.words("prepare"), env=self.env, cwd=folder, capture_output=True, text=True, check=False, timeout=LONGEST)
            if done.returncode:
                raise Failed(f"prepare: {done.stderr.strip()[-200:]}")
            self.worker = self.start("both" if peer.asks_itself and not crash else "worker")
            self.asker = self.worker if peer.asks_itself and not crash else self.start("asker")
        except BaseException:
            self.end()
            raise

    def words(self, role):
        *program, file = self.peer.words
        return [*program, str(PEERS / file), role]

    def start(self, role):
        process = Process(self.words(role), self.env, self.folder / f"{role}.log")
        self.all.append(process)
        if (said := process.answer(self.deadline)) != "ready":
            raise Failed(f"it said {said[:100]}")
        return process

    def ask(self, words):
        return self.asker.command(words, self.deadline)

    def pids(self):
        return [process.child.pid for process in self.all]

    def end(self):
        for process in reversed(self.all):
            process.end(signal.SIGKILL if process in self.all[1:] or not self.peer.server else signal.SIGTERM)


def percentile(values, hundredth):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * hundredth // 100)]


def measure(peer, postgres, folder, deadline):
    """One round of a peer."""
    jobs = max(BATCH, int(JOBS * peer.share))
    with postgres.database() as url:
        running = Running(peer, url, folder, deadline)
        try:
            times = running.ask(f"alone {ALONE}")
            roots = [*running.pids(), postgres.process.child.pid]
            before = processor(*roots)
            steps = running.ask(f"many {jobs} {STEPS}")
            spent = processor(*roots) - before
            written = int(postgres.sql("bench", f"SELECT count(*) FROM steps WHERE job >= {STEPS}"))
            if written < jobs * 2 and not peer.own_steps:
                raise Failed(f"it wrote {written} steps of {jobs * 2}")
            plain = None if peer.own_steps else running.ask(f"many {jobs} {PLAIN}")
        finally:
            running.end()
    starts = running.worker.starts
    to_start = [(starts[job] - asked) / 1e6 for job, asked in times["asked"].items() if job in starts]
    to_end = [(times["done"][job] - asked) / 1e6 for job, asked in times["asked"].items()]
    if len(to_start) < ALONE:
        raise Failed(f"{len(to_start)} starts of {ALONE} were seen")
    return {"jobs": jobs, "per_s": jobs / steps["took_s"], "plain_per_s": plain and jobs / plain["took_s"],
            "start_p50": percentile(to_start, 50), "p50": percentile(to_end, 50), "p99": percentile(to_end, 99), "cpu": spent * 1000 / jobs}


def ours(words, deadline):
    """One round of Freehold: its example prints one line of JSON."""
    if not os.access(RUNS, os.X_OK):
        raise Failed("not built: cargo build --release --locked -p freehold-testkit --example runs")
    words = [RUNS, *words, "runs", str(JOBS), "at-once", str(WORKERS), "places", str(WORKERS), "alone", str(ALONE)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=max(1, min(LONGEST, deadline - time.monotonic())))
    except subprocess.TimeoutExpired:
        raise Failed(f"no answer in {LONGEST} s") from None
    if done.returncode:
        raise Failed(done.stderr.strip()[-200:])
    said = json.loads(done.stdout)
    return {"jobs": JOBS, "per_s": said["runs_per_s"], "plain_per_s": None, "start_p50": said["start_ms_p50"], "p50": said["alone_ms_p50"],
            "p99": said["alone_ms_p99"], "cpu": said["cpu_s_per_1000_freehold"] + said["cpu_s_per_1000_postgres"]}


def floor(together, postgres, deadline):
    """The same five commits in plain SQL, of one job or of many together."""
    installed(PYTHON[0])
    jobs = max(BATCH, JOBS if together > 1 else JOBS // 4)
    with postgres.database() as url:
        before = processor(postgres.process.child.pid)
        mine = os.times()
        done = subprocess.run([*PYTHON, str(PEERS / "floor.py"), str(jobs), str(together)], env={"DATABASE_URL": url}, capture_output=True,
                              text=True, check=False, timeout=max(1, min(LONGEST, deadline - time.monotonic())))
        after = os.times()
        spent = processor(postgres.process.child.pid) - before
    if done.returncode:
        raise Failed(done.stderr.strip()[-200:])
    said = json.loads(done.stdout)
    spent += after.children_user + after.children_system - mine.children_user - mine.children_system
    return {"jobs": jobs, "per_s": jobs / said["took_s"], "plain_per_s": None, "start_p50": None, "p50": said["p50_ms"], "p99": said["p99_ms"],
            "cpu": spent * 1000 / jobs}


def shown(value, digits=1):
    return "-" if value is None else f"{value:,.{digits}f}"


def middle(rounds, name):
    values = [one[name] for one in rounds if one[name] is not None]
    return statistics.median(values) if values else None


def table(found, reasons):
    print(f"\n{'':30} {'jobs':>6} {'jobs/s':>9} {'range':>17} {'no steps/s':>10} {'start p50':>9} {'end p50':>8} {'end p99':>8} {'CPU s/1000':>10} rounds")
    for name, rounds in found.items():
        if not rounds:
            print(f"{name:30} not measured: {reasons.get(name, 'no time was left')}")
            continue
        speeds = [one["per_s"] for one in rounds]
        ranged = f"{min(speeds):,.0f}..{max(speeds):,.0f}"
        print(f"{name:30} {rounds[0]['jobs']:6} {shown(middle(rounds, 'per_s'), 0):>9} {ranged:>17} {shown(middle(rounds, 'plain_per_s'), 0):>10} "
              f"{shown(middle(rounds, 'start_p50')):>9} {shown(middle(rounds, 'p50')):>8} {shown(middle(rounds, 'p99')):>8} "
              f"{shown(middle(rounds, 'cpu'), 2):>10} {len(rounds):>6}" + (f"   {reasons[name]}" if name in reasons else ""))
    print("\nstart, end: milliseconds from the request of a job alone to its first instruction, and to where it is known to be done.")
    print("CPU s/1000: processor seconds for 1,000 jobs, of the peer's server, its worker, the one that asks, and PostgreSQL.")
    print("Without steps of its own, a peer's job writes each step as a row and a commit; `no steps/s` is the same without them.")
    print(f"Restate, Temporal and DBOS have {WORKERS} jobs under way and ask for the next when one is done; of the others {WORKERS} ask at once "
          f"and {WORKERS} work at once, and the batched are asked for {BATCH} at once (pg-boss also works on them so).")
    print(f"Freehold's four runners have {WORKERS} places together, and say at once what they did.")
    print("\nwhat each promises")
    print(f"  {'freehold':30} {OUR_PROMISE}")
    for peer in ALL:
        print(f"  {peer.name:30} {peer.promise}")


def figures(wanted, postgres, folder, deadline):
    all_ways = {
        "floor: SQL, 5 commits a job": lambda: floor(1, postgres, deadline),
        f"floor: SQL, {BATCH} jobs together": lambda: floor(BATCH, postgres, deadline),
        **{name: (lambda words=words: ours(words, deadline)) for name, words in OURS.items()},
        **{peer.name: (lambda peer=peer: measure(peer, postgres, fresh(folder), deadline)) for peer in ALL},
    }
    ways = {name: way for name, way in all_ways.items() if wanted(name)}
    found, reasons = {name: [] for name in ways}, {}
    for turn in range(ROUNDS):
        for name, way in ways.items():
            if time.monotonic() > deadline - LONGEST / 2:
                reasons.setdefault(name, f"no time was left in round {turn + 1}")
                continue
            print(f"round {turn + 1} of {ROUNDS}: {name}", file=sys.stderr, flush=True)
            try:
                found[name].append(way())
            except NO_FIGURES as why:
                reasons[name] = f"round {turn + 1}: {why}"
    table(found, reasons)


def fresh(folder):
    return pathlib.Path(tempfile.mkdtemp(dir=folder))


def crash(peer, postgres, folder, deadline):
    """Kills the workers in the middle and starts them again; counts the rows that the second steps left."""
    jobs = max(BATCH, int(KILLED * peer.share))
    count = lambda what: int(postgres.sql("bench", f"SELECT count({what}) FROM effects"))
    with postgres.database() as url:
        running = Running(peer, url, folder, deadline, crash=True)
        try:
            sender = threading.Thread(target=lambda: running.ask(f"send {jobs} {CRASH}"), daemon=True)
            sender.start()
            until(lambda: count("*") >= jobs // 4, LONGEST, "a quarter of the jobs")
            running.worker.end()
            at, began = count("*"), time.monotonic()
            running.start("worker")
            sender.join(LONGEST)
            with contextlib.suppress(Failed):
                until(lambda: count("DISTINCT job") >= jobs, BACK, "all jobs")
            took = time.monotonic() - began
        finally:
            running.end()
        different, rows = count("DISTINCT job"), count("*")
    missing = jobs - different
    end = f"all in {took:.1f} s" if not missing else f"the rest not in {BACK} s"
    return f"killed after {at:4} of {jobs:4}   not done {missing:4}   done twice {rows - different:4}   {end}"


def crashes(wanted, postgres, folder, deadline):
    print("\nworkers killed in the middle and started again; effects are counted, which a second step leaves before it is recorded")
    for peer in ALL:
        if not wanted(peer.name):
            continue
        try:
            if time.monotonic() > deadline - LONGEST - BACK:
                raise Failed("no time was left")
            said = crash(peer, postgres, fresh(folder), deadline)
        except NO_FIGURES as why:
            said = f"not measured: {why}"
        print(f"  {peer.name:30} {said}", flush=True)
    print(f"  {'freehold':30} not here: its example's runners are no processes. `make faults` kills a real installation's and counts the same")


def main():
    words = sys.argv[1:]
    only = words[words.index("--only") + 1].split(",") if "--only" in words else [""]
    wanted = lambda name: any(word in name for word in only)
    deadline = time.monotonic() + BUDGET
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fh-bench-runs-"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    postgres = None
    try:
        (folder / "postgres").mkdir()
        folder.chmod(0o755)  # PostgreSQL is another user
        postgres = Postgres(folder / "postgres")
        print(f"command: ROUNDS={ROUNDS} JOBS={JOBS} ALONE={ALONE} WORKERS={WORKERS} scripts/bench_runs.py {' '.join(words)}")
        print(f"PostgreSQL {postgres.version}, fsync on, shared_buffers 256 MB; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
        if (QUEUES / "installed").exists():
            print(f"peers: {(QUEUES / 'installed').read_text().strip()}")
        (crashes if "--crash" in words else figures)(wanted, postgres, folder, deadline)
    finally:
        if postgres:
            postgres.process.end(signal.SIGINT)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
