import { describe, expect, it } from "vitest";
import { parseDiff } from "./parser";
import { nextRow, rowList } from "./row-list";
import { fileRows, lineCount } from "./rows";
import { bigDiff, bytesOf } from "./testing/text";
import type { FileDiff } from "./types";

const TEXT = `diff --git a/x b/x
--- a/x
+++ b/x
@@ -10,4 +10,5 @@
 one
-two
-three
+2
+3
+4
 five
`;

const none = new Set<number>();
const diff = parseDiff(bytesOf(TEXT));
const file = diff.files[0] as FileDiff;

describe("rows of a file", () => {
  it("unified: pairs stand by their place in the block", () => {
    const rows = fileRows(diff, file, { layout: "unified", shown: 100, commented: none });
    expect(rows.map((row) => (row.kind === "line" ? [row.line, row.pair] : row.kind))).toEqual([
      "file",
      "hunk",
      [0, -1],
      [1, 3],
      [2, 4],
      [3, 1],
      [4, 2],
      [5, -1],
      [6, -1],
    ]);
    expect(rows[1]).toMatchObject({ hiddenLines: 9 });
  });

  it("split: the shorter side is filled, and a comment stands below its line", () => {
    const rows = fileRows(diff, file, { layout: "split", shown: 100, commented: new Set([5, 0]) });
    expect(
      rows.map((row) =>
        row.kind === "split" ? [row.left, row.right] : row.kind === "comment" ? row.line : row.kind,
      ),
    ).toEqual(["file", "hunk", [0, 0], 0, [1, 3], [2, 4], [-1, 5], 5, [6, 6]]);
  });

  it("a long file stops and says how much is left", () => {
    const long = parseDiff(bigDiff(1, 50));
    const first = long.files[0] as FileDiff;
    const rows = fileRows(long, first, { layout: "unified", shown: 10, commented: none });
    expect(rows).toHaveLength(13);
    expect(rows.at(-1)).toMatchObject({ kind: "more", lines: lineCount(first) - 10 });
  });

  it("a file without lines says why", () => {
    const mode = parseDiff(bytesOf("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n"));
    const options = { layout: "unified", shown: 10, commented: none } as const;
    expect(fileRows(mode, mode.files[0] as FileDiff, options)[1]).toMatchObject({ note: "mode" });
    const empty = parseDiff(bytesOf("diff --git a/x b/x\nnew file mode 100644\nindex 0..e\n"));
    expect(fileRows(empty, empty.files[0] as FileDiff, options)[1]).toMatchObject({
      note: "empty",
    });
  });
});

describe("20 MB in 5,000 files", () => {
  const bytes = bigDiff(5_000, 37);

  it("is read and laid out within a generous bound", () => {
    expect(bytes.length).toBeGreaterThan(20_000_000);
    const began = performance.now();
    const big = parseDiff(bytes);
    const parsed = performance.now() - began;
    const options = { layout: "unified", shown: 1_500, commented: none } as const;
    const list = rowList(
      big.files,
      () => true,
      (one) => fileRows(big, one, options),
    );
    const laidOut = performance.now() - began - parsed;
    expect(big.files).toHaveLength(5_000);
    expect(list.count).toBe(5_000 * 77);
    // A second on a busy machine; a parser that is quadratic anywhere takes minutes.
    expect(parsed).toBeLessThan(4_000);
    expect(laidOut).toBeLessThan(4_000);
  });

  it("finds rows by number, headers and neighbours", () => {
    const big = parseDiff(bytes);
    const options = { layout: "split", shown: 1_500, commented: none } as const;
    const open = (one: FileDiff) => one.index % 2 === 0;
    const list = rowList(big.files, open, (one) => fileRows(big, one, options));
    expect(list.count).toBe(2_500 * 40 + 2_500);
    const third = big.files[2] as FileDiff;
    expect(list.headerOf(third)).toBe(41);
    expect(list.at(41)).toEqual({ kind: "file", file: third });
    expect(list.headerAbove(41 + 20)).toBe(41);
    expect(list.headerAbove(40)).toBe(40);
    expect(list.at(list.count)).toBeUndefined();
    expect(nextRow(list, 0, 1, (row) => row.kind === "file")).toBe(40);
    expect(nextRow(list, 40, -1, (row) => row.kind === "hunk")).toBe(1);
    expect(nextRow(list, 1, -1, (row) => row.kind === "hunk")).toBeNull();
  });
});
