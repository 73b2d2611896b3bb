/** The client's git remote: a bare repository behind a file:// address. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const GIT_ENV = {
  PATH: "/usr/local/bin:/usr/bin:/bin",
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Ann",
  GIT_AUTHOR_EMAIL: "ann@example.org",
  GIT_COMMITTER_NAME: "Ann",
  GIT_COMMITTER_EMAIL: "ann@example.org",
};

/** git as some other person, in an empty environment; its trimmed output. */
export function git(dir: string, ...args: string[]): string {
  const options = {
    cwd: dir,
    env: GIT_ENV,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  } as const;
  return execFileSync("git", args, { ...options, stdio: ["ignore", "pipe", "pipe"] }).trimEnd();
}

export type Files = Record<string, string | Uint8Array>;

export class Remote {
  private constructor(
    private readonly dir: string,
    private readonly scratch: string,
  ) {}

  /** A new bare repository below `root` with these files as the first commit on `main`. */
  static create(root: string, files: Files): Remote {
    const dir = mkdtempSync(join(root, "remote-"));
    git(dir, "init", "-q", "--bare", "-b", "main", "remote.git");
    const remote = new Remote(join(dir, "remote.git"), dir);
    remote.commit(files, "first");
    return remote;
  }

  get url(): string {
    return `file://${this.dir}`;
  }

  git(...args: string[]): string {
    return git(this.dir, ...args);
  }

  /** The commit that `main` is at. */
  head(): string {
    return this.git("rev-parse", "main");
  }

  /** A file as `main` has it. */
  show(path: string): string {
    return this.git("show", `main:${path}`);
  }

  /** Somebody's commit on `main`; gives the commit. */
  commit(files: Files, message: string): string {
    const clone = mkdtempSync(join(this.scratch, "clone-"));
    try {
      git(clone, "clone", "-q", this.dir, ".");
      git(clone, "checkout", "-q", "-B", "main");
      for (const [name, content] of Object.entries(files)) {
        const path = join(clone, name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, content);
      }
      git(clone, "add", "-A");
      git(clone, "commit", "-q", "-m", message);
      git(clone, "push", "-q", "origin", "main");
      return git(clone, "rev-parse", "HEAD");
    } finally {
      rmSync(clone, { recursive: true, force: true });
    }
  }
}
