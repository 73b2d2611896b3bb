import { describe, expect, it } from "vitest";
import { DiffParser, parseDiff } from "./parser";
import { bigDiff, bytesOf, shown } from "./testing/text";
import { hasFlag, lineText } from "./text";
import { CARRIAGE_RETURN, NO_NEWLINE } from "./types";

const PLAIN = `diff --git a/src/main.rs b/src/main.rs
index 1111111111111111111111111111111111111111..2222222222222222222222222222222222222222 100644
--- a/src/main.rs
+++ b/src/main.rs
@@ -3,4 +3,4 @@ fn main() {
 one
-two
+2
+2.5
 three
--- not a header
@@ -20 +21 @@
-last
\\ No newline at end of file
+last
`;

describe("a plain diff", () => {
  const diff = parseDiff(bytesOf(PLAIN));
  const file = diff.files[0];

  it("has its lines, numbers and counts", () => {
    expect(diff.problems).toEqual([]);
    expect(file).toMatchObject({
      path: "src/main.rs",
      status: "modified",
      additions: 3,
      deletions: 3,
    });
    expect(file && shown(diff, file)).toEqual([
      " one",
      "-two",
      "+2",
      "+2.5",
      " three",
      "--- not a header",
      "-last",
      "+last",
    ]);
    expect([...diff.lines.oldNumber]).toEqual([3, 4, 0, 0, 5, 6, 20, 0]);
    expect([...diff.lines.newNumber]).toEqual([3, 0, 4, 5, 6, 0, 0, 21]);
  });

  it("keeps the section and marks a missing end of line", () => {
    expect(file?.hunks.map((hunk) => hunk.section)).toEqual(["fn main() {", ""]);
    expect(hasFlag(diff, 6, NO_NEWLINE)).toBe(true);
    expect(hasFlag(diff, 7, NO_NEWLINE)).toBe(false);
  });

  it("is the same however the stream is cut", () => {
    const bytes = bytesOf(PLAIN);
    for (const size of [1, 2, 3, 7, 64]) {
      const parser = new DiffParser();
      for (let at = 0; at < bytes.length; at += size) parser.push(bytes.subarray(at, at + size));
      const cut = parser.end();
      expect(cut.files).toEqual(diff.files);
      expect(cut.lines).toEqual(diff.lines);
    }
  });
});

describe("headers", () => {
  const only = (text: string) => {
    const diff = parseDiff(bytesOf(text));
    expect(diff.files).toHaveLength(1);
    return { diff, file: diff.files[0] };
  };

  it("new, deleted and empty files", () => {
    const { diff, file } = only(
      "diff --git a/empty b/empty\nnew file mode 100644\nindex 0000..e69d\n",
    );
    expect(file).toMatchObject({ path: "empty", status: "added", newMode: "100644", hunks: [] });
    expect(diff.problems).toEqual([]);
    const gone = only(
      "diff --git a/x b/x\ndeleted file mode 100755\nindex 1..0\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
    );
    expect(gone.file).toMatchObject({ path: "x", status: "deleted", deletions: 1 });
  });

  it("renames and copies with odd names", () => {
    const { file } = only(
      'diff --git a/old name.txt "b/t\\303\\244b\\there\\".txt"\nsimilarity index 87%\nrename from old name.txt\nrename to "t\\303\\244b\\there\\".txt"\n',
    );
    expect(file).toMatchObject({
      path: 'täb\there".txt',
      oldPath: "old name.txt",
      status: "renamed",
      similarity: 87,
    });
    const copy = only(
      "diff --git a/a b b b/c\nsimilarity index 100%\ncopy from a b b\ncopy to c\n",
    );
    expect(copy.file).toMatchObject({ path: "c", oldPath: "a b b", status: "copied" });
  });

  it("names that hold the separator itself", () => {
    const name = "x b/x";
    const { file } = only(`diff --git a/${name} b/${name}\nold mode 100644\nnew mode 100755\n`);
    expect(file).toMatchObject({
      path: name,
      status: "mode",
      oldMode: "100644",
      newMode: "100755",
    });
  });

  it("names that are not UTF-8 keep a replacement, and a blank's tab is no part of the name", () => {
    const { file } = only(
      'diff --git "a/\\377" "b/\\377"\nindex 1..2 100644\nBinary files differ\n',
    );
    expect(file).toMatchObject({ path: "\ufffd", binary: { oldSize: null, newSize: null } });
    const tab = only("diff --git a/a b b/a b\n--- a/a b\t\n+++ b/a b\t\n@@ -1 +1 @@\n-x\n+y\n");
    expect(tab.file?.path).toBe("a b");
  });

  it("git's binary patch names both sizes, and its data is no header", () => {
    const { diff, file } = only(
      "diff --git a/p.png b/p.png\nindex 1..2 100644\nGIT binary patch\nliteral 44\nzcmV-q0{\nd@@ -1 +1 @@\n\nliteral 12\nTcmZ?wbhEHb\n\n",
    );
    expect(file).toMatchObject({ binary: { newSize: 44, oldSize: 12 }, hunks: [] });
    expect(diff.problems).toEqual([]);
    const delta = only("diff --git a/p b/p\nindex 1..2 100644\nGIT binary patch\ndelta 9\nQc\n\n");
    expect(delta.file?.binary).toEqual({ newSize: null, oldSize: null });
  });

  it("submodules, symlinks and a type that changed", () => {
    const sub = only(
      "diff --git a/dep b/dep\nindex 1..2 160000\n--- a/dep\n+++ b/dep\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n",
    );
    expect(sub.file).toMatchObject({ kind: "submodule", status: "modified" });
    const type = parseDiff(
      bytesOf(
        "diff --git a/l b/l\ndeleted file mode 100644\nindex 1..0\n--- a/l\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\ndiff --git a/l b/l\nnew file mode 120000\nindex 0..1\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n",
      ),
    );
    expect(type.files.map((file) => [file.key, file.kind])).toEqual([
      ["l", "file"],
      ["l\x002", "symlink"],
    ]);
  });

  it("a merge's combined diff", () => {
    const { diff, file } = only(
      "diff --cc a.txt\nindex 1,2..3\n--- a/a.txt\n+++ b/a.txt\n@@@ -1,2 -1,2 +1,2 @@@\n- one\n -two\n++both\n  kept\n",
    );
    expect(diff.problems).toEqual([]);
    expect(file && shown(diff, file)).toEqual(["-one", "-two", "+both", " kept"]);
  });
});

describe("bad input", () => {
  const codes = (text: string) => parseDiff(bytesOf(text)).problems.map((problem) => problem.code);

  it("keeps what was readable", () => {
    const diff = parseDiff(
      bytesOf(`${PLAIN}@@ nonsense\n+x\n${PLAIN.replaceAll("main", "other")}`),
    );
    expect(diff.files.map((file) => file.path)).toEqual(["src/main.rs", "src/other.rs"]);
    expect(diff.files[0]?.problem).toBe("bad_hunk");
    expect(diff.files[1]?.problem).toBeNull();
  });

  it("names what is wrong", () => {
    expect(codes("@@ -1 +1 @@\n-a\n+b\n")).toEqual(["no_header"]);
    expect(codes("diff --git nonsense\n@@ -1 +1 @@\n")).toContain("bad_header");
    expect(codes("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n x\n")).toContain(
      "short_hunk",
    );
    expect(codes("diff --git a/x b/x\n@@ -99999999999 +1 @@\n x\n")).toEqual(["bad_hunk"]);
    expect(codes("")).toEqual([]);
    expect(codes("some words\n")).toEqual([]);
  });

  it("a stream that broke off says so", () => {
    const parser = new DiffParser();
    parser.push(bytesOf(PLAIN.slice(0, 260)));
    const diff = parser.end(false);
    expect(diff.problems.map((problem) => problem.code)).toContain("cut_off");
    expect(diff.files).toHaveLength(1);
  });

  it("bounds hold", () => {
    const limits = { bytes: 1 << 20, files: 10, lines: 5 };
    const lines = new DiffParser(undefined, limits);
    expect(lines.push(bytesOf(PLAIN))).toBe(false);
    expect(lines.end()).toMatchObject({
      lines: { count: 5 },
      files: [{ problem: "too_many_lines" }],
    });
    const files = new DiffParser(undefined, { ...limits, lines: 1000 });
    files.push(bigDiff(11, 1));
    const diff = files.end();
    expect(diff.files).toHaveLength(10);
    expect(diff.problems[0]?.code).toBe("too_many_files");
    const bytes = new DiffParser(undefined, { ...limits, bytes: 300, lines: 1000 });
    bytes.push(bigDiff(11, 1));
    expect(bytes.end().problems[0]?.code).toBe("too_large");
  });

  it("bytes that are no UTF-8, CR LF, and a line of 2 MB", () => {
    const head = bytesOf("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,3 @@\n+a");
    const tail = bytesOf(`b\n+dos\r\n+${"y".repeat(2_000_000)}\n`);
    const diff = parseDiff(new Uint8Array([...head, 0xff, ...tail]));
    expect(diff.problems).toEqual([]);
    expect(lineText(diff, 0).text).toBe("a\ufffdb");
    expect(lineText(diff, 1).text).toBe("dos");
    expect(hasFlag(diff, 1, CARRIAGE_RETURN)).toBe(true);
    const long = lineText(diff, 2);
    expect(long.text).toHaveLength(2_000);
    expect(long.cutBytes).toBe(1_998_000);
  });

  it("whatever bytes come, it ends and its counts agree", () => {
    const words = [
      "diff --git a/x b/x",
      "@@ -1,2 +1,2 @@",
      "+a",
      "-b",
      " c",
      "\\ x",
      "--- a/x",
      "GIT binary patch",
      "",
      "rename to y",
      "index 1..2",
      "@@@ -1 -1 +1 @@@",
      "literal 5",
    ];
    let seed = 7;
    const pick = () => {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
      return words[seed % words.length] as string;
    };
    for (let round = 0; round < 2_000; round++) {
      const diff = parseDiff(bytesOf(Array.from({ length: 14 }, pick).join("\n")));
      const inHunks = diff.files
        .flatMap((file) => file.hunks)
        .reduce((all, { first, end }) => all + end - first, 0);
      expect(inHunks).toBe(diff.lines.count);
    }
  });
});
