/**
 * An installation of the real program for one worker: `freehold up` on a directory of its own that holds
 * everything (`home`, `data`, remotes, logs), in an empty environment but for PATH, HOME and LANG.
 *
 * `home/.local/bin` is on PATH and every sandbox shows it read-only, as it does with any person's own tools. It
 * holds `barrier NAME`, which waits until the test says `open(NAME)` (tests decide when an agent goes on), and
 * `actor ACTS`, which plays an agent that talks.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { createInterface } from "node:readline";

import { Api } from "./api";
import * as procs from "./procs";
import { type Files, Remote } from "./remote";
import { DEADLINE_MS, until } from "./wait";

const ROOT = resolve(import.meta.dirname, "../../..");
/** Jobs that are under way get this long to end by themselves; then `up` is told to hurry. */
const DRAIN_MS = 1_000;
/** A hurried end of `up` with its database and its runner; what is left then is killed. */
const END_WITHIN_MS = 10_000;
/** How much of each log is shown when a worker fails. */
const TAIL = 4000;

/** Programs that agents of the tests are made of. */
const TOOLS = resolve(import.meta.dirname, "tools");

/** What `up --json` prints when it is ready. */
interface UpLine {
  url: string;
  token: string;
  sign_in: string;
  pid: number;
  pids: { server: number; runner: number; postgres: number };
}

export function binary(): string {
  const program = process.env.FREEHOLD_BIN ?? join(ROOT, "target/debug/freehold");
  if (!existsSync(program)) {
    throw new Error(
      `there is no ${program}: build it (cargo build -p freehold), or name another in FREEHOLD_BIN`,
    );
  }
  return program;
}

/** What a program prints first, which is how it says that it is ready. */
function firstLine(child: ChildProcess, name: string): Promise<string> {
  return new Promise<string>((done, fail) => {
    if (child.stdout) createInterface({ input: child.stdout }).once("line", done);
    child.once("error", fail);
    child.once("exit", (code) => fail(new Error(`${name} ended with ${code}`)));
    setTimeout(() => fail(new Error(`${name} did not say that it is ready`)), DEADLINE_MS).unref();
  });
}

export class Installation {
  readonly root = mkdtempSync(join(tmpdir(), "fh-e2e-"));
  private up: ChildProcess | undefined;
  private line: UpLine | undefined;
  private made = 0;
  private readonly beside: ChildProcess[] = [];

  private constructor() {
    for (const dir of ["home/.local/bin/gates", "data", "elsewhere", "remotes"]) {
      mkdirSync(join(this.root, dir), { recursive: true });
    }
    for (const tool of readdirSync(TOOLS)) {
      const program = join(this.root, "home/.local/bin", tool);
      copyFileSync(join(TOOLS, tool), program);
      chmodSync(program, 0o755);
    }
  }

  static async start(): Promise<Installation> {
    const here = new Installation();
    try {
      await here.begin();
      return here;
    } catch (error) {
      const told = here.told();
      await here.end();
      throw new Error(`${error}\n${told}`);
    }
  }

  /** Everything a program of this installation gets to see. */
  get env(): NodeJS.ProcessEnv {
    const home = join(this.root, "home");
    return { PATH: `${home}/.local/bin:/usr/local/bin:/usr/bin:/bin`, HOME: home, LANG: "C.UTF-8" };
  }

  private async begin(): Promise<void> {
    const args = ["up", "--data", join(this.root, "data"), "--listen", "127.0.0.1:0", "--json"];
    const log = openSync(join(this.root, "up.log"), "a");
    const cwd = join(this.root, "elsewhere");
    const up = spawn(binary(), args, { cwd, env: this.env, stdio: ["ignore", "pipe", log] });
    this.up = up;
    this.line = JSON.parse(await firstLine(up, "`freehold up`")) as UpLine;
  }

  private get said(): UpLine {
    if (!this.line) throw new Error("the installation is not up");
    return this.line;
  }

  /** The origin of the pages. `localhost`, as a person would type it, is the same server. */
  get url(): string {
    return this.said.url;
  }

  get token(): string {
    return this.said.token;
  }

  /** Signs one browser in, once. */
  get signIn(): string {
    return this.said.sign_in;
  }

  get api(): Api {
    return new Api(this.url, this.token);
  }

  /** A name that no other test of this worker uses. */
  name(word: string): string {
    this.made += 1;
    return `${word}-${this.made}`;
  }

  remote(files: Files): Remote {
    return Remote.create(join(this.root, "remotes"), files);
  }

  /** Lets everybody pass who waits in `barrier NAME`, now and later. */
  open(gate: string): void {
    writeFileSync(join(this.root, "home/.local/bin/gates", gate), "");
  }

  /** Starts the bundled scripted model, which says that it is one; gives its address. It ends with the installation. */
  async model(): Promise<string> {
    return this.startBeside("the scripted model", ["scripted-model", "--demo"]);
  }

  /** Starts a program that says where it listens; gives that. It ends with the installation. */
  async startBeside(name: string, args: string[]): Promise<string> {
    const cwd = join(this.root, "elsewhere");
    const log = openSync(join(this.root, `${args[0]}.log`), "a");
    const child = spawn(binary(), [...args, "--listen", "127.0.0.1:0"], {
      cwd,
      env: this.env,
      stdio: ["ignore", "pipe", log],
    });
    this.beside.push(child);
    const ready = JSON.parse(await firstLine(child, name)) as { url: string };
    return ready.url;
  }

  /** The server's present process: `up` may have started it anew since its line. */
  serverPid(): Promise<number> {
    return until("the server is there", () =>
      procs
        .all()
        .find(
          (pid) =>
            procs.parent(pid) === this.said.pid &&
            procs.program(pid) === "freehold" &&
            procs.words(pid).includes("server"),
        ),
    );
  }

  /**
   * `kill -9` of the server. `up` starts it again; it is held back until the function that this gives is called, so
   * that a test can look at a page without a server.
   */
  async killServer(): Promise<() => void> {
    const pid = await this.serverPid();
    procs.signal(this.said.pid, "SIGSTOP");
    procs.signal(pid, "SIGKILL");
    await until("the killed server is gone", () => (procs.isAlive(pid) ? null : true));
    return () => procs.signal(this.said.pid, "SIGCONT");
  }

  /** The ends of all logs. */
  told(): string {
    const data = join(this.root, "data/log");
    const logs = existsSync(data) ? readdirSync(data).map((name) => join(data, name)) : [];
    return [join(this.root, "up.log"), join(this.root, "server.log"), ...logs]
      .filter((path) => existsSync(path) && statSync(path).isFile())
      .map((path) => `--- the end of ${path}\n${readFileSync(path, "utf8").slice(-TAIL)}`)
      .join("\n");
  }

  /** Ctrl-C, Ctrl-C again, and after a while whatever is left is killed; nothing remains on the disk. */
  async end(): Promise<void> {
    const up = this.up?.pid;
    const ours = up ? procs.tree(up) : new Set<number>();
    const mark = basename(this.root);
    const left = () => {
      for (const pid of procs.marked(mark)) ours.add(pid);
      return [...ours].filter(procs.isAlive);
    };
    const gone = (within: number) =>
      until("all is gone", () => (left().length === 0 ? true : null), within);
    if (up) procs.signal(up, "SIGCONT"); // a test may have stopped it
    for (const child of this.beside) child.kill("SIGKILL");
    const told = (within: number) => {
      if (up) procs.signal(up, "SIGTERM");
      return gone(within).catch(() => undefined);
    };
    try {
      if ((await told(DRAIN_MS)) || (await told(END_WITHIN_MS))) return;
      for (const pid of left()) procs.signal(pid, "SIGKILL");
      await gone(END_WITHIN_MS);
    } finally {
      unmount(this.root);
      rmSync(this.root, { recursive: true, force: true });
    }
  }
}

/** A runner that was killed leaves the workspaces of its runs mounted, for its next life to find. */
function unmount(root: string): void {
  const points = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((point) => point.startsWith(`${root}/`));
  for (const point of points.reverse()) spawnSync("umount", ["--lazy", point]);
}
