// The parser against git itself: odd names, renames, modes, binary files and submodules in one commit.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { parseDiff } from "./parser";

const dir = mkdtempSync(join(tmpdir(), "review-diff-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const ENV = {
  PATH: process.env.PATH,
  HOME: dir,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@example.invalid",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@example.invalid",
};

function git(...args: string[]): Buffer {
  return execFileSync("git", args, { cwd: dir, env: ENV, maxBuffer: 1 << 26 });
}

function write(name: string, content: string | Uint8Array): void {
  writeFileSync(join(dir, name), content);
}

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => `line ${from + at}\n`).join("");

it("agrees with git about every file and count", () => {
  git("init", "-q", "-b", "main");
  write("plain.txt", lines(0, 60));
  write("old name.txt", lines(100, 160));
  write("run.sh", "echo\n");
  write(
    "gone.bin",
    new Uint8Array(500).map((_, at) => at % 251),
  );
  write("dos.txt", "a\r\nb\r\n");
  write('a\tb"c\\d ä.txt', "x\n");
  write("type", "x\n");
  git("add", "-A");
  git("commit", "-qm", "1");
  write("plain.txt", `${lines(0, 20)}--- a/x\n+++ b/x\n@@ -1 +1 @@\n${lines(22, 60).trimEnd()}`);
  git("mv", "old name.txt", "new\nname b_x");
  write("new\nname b_x", `${lines(100, 159)}changed\n`);
  chmodSync(join(dir, "run.sh"), 0o755);
  rmSync(join(dir, "gone.bin"));
  write("new.bin", new Uint8Array([0, 255, 1, 10, 2]));
  write("dos.txt", "a\nb\r\n");
  write('a\tb"c\\d ä.txt', "y\n");
  write("empty", "");
  rmSync(join(dir, "type"));
  symlinkSync("/etc/passwd", join(dir, "type"));
  git("add", "-A");
  git("update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},dep`);
  git("commit", "-qm", "2");

  const range = ["-r", "--find-renames", "HEAD~1", "HEAD"];
  const patch = git("diff-tree", "-p", "--full-index", "--binary", ...range);
  const counted = git("diff-tree", "-z", "--numstat", ...range).toString();
  const diff = parseDiff(new Uint8Array(patch));

  expect(diff.problems).toEqual([]);
  const ours = new Map<string, string>();
  for (const file of diff.files) {
    const counts = file.binary ? "-\t-" : `${file.additions}\t${file.deletions}`;
    // git counts both halves of a file that became a link as one.
    ours.set(file.path, ours.has(file.path) ? "1\t1" : counts);
  }
  const theirs = new Map<string, string>();
  const fields = counted.split("\0");
  while (fields.length > 1) {
    const [added, deleted, ...rest] = (fields.shift() as string).split("\t");
    // A rename has an empty path here, and both names behind it.
    const name = rest.join("\t") || fields.splice(0, 2)[1];
    theirs.set(name as string, `${added}\t${deleted}`);
  }
  expect(ours).toEqual(theirs);
  const statuses = diff.files.map((file) => `${file.status} ${file.kind} ${file.path}`);
  expect(statuses).toContain("renamed file new\nname b_x");
  expect(statuses).toContain("mode file run.sh");
  expect(statuses).toContain("added submodule dep");
  expect(statuses).toContain("added symlink type");
  expect(diff.files.find((file) => file.path === "new.bin")?.binary).toEqual({
    oldSize: 0,
    newSize: 5,
  });
});
