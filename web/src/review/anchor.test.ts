import { describe, expect, it } from "vitest";
import { anchorOf, lineOfDraft, placeDrafts, selectionOf } from "./anchor";
import { parseDiff } from "./diff/parser";
import { bytesOf } from "./diff/testing/text";
import type { FileDiff } from "./diff/types";
import { QUOTE_LINES } from "./drafts";

const TEXT = `diff --git a/old.ts b/new.ts
similarity index 90%
rename from old.ts
rename to new.ts
--- a/old.ts
+++ b/new.ts
@@ -10,3 +10,4 @@
 one
-two
+2
+3
 four
@@ -30 +31 @@
-x
+y
`;
const diff = parseDiff(bytesOf(TEXT));
const file = diff.files[0] as FileDiff;
const anchor = (from: number, to: number) => anchorOf(diff, selectionOf(file, from, to), "c1");

describe("anchors", () => {
  it("are on the new side, unless lines are only taken away", () => {
    expect(anchor(0, 0)).toMatchObject({ path: "new.ts", side: "new", from: 10, to: 10 });
    expect(anchor(1, 1)).toMatchObject({
      path: "old.ts",
      side: "old",
      from: 11,
      to: 11,
      quote: ["-two"],
    });
    expect(anchor(1, 0)).toMatchObject({ side: "old", from: 10, to: 11, quote: [" one", "-two"] });
    expect(anchor(1, 3)).toMatchObject({
      side: "new",
      from: 11,
      to: 12,
      quote: ["-two", "+2", "+3"],
    });
  });

  it("stay within one hunk and quote a few lines", () => {
    expect(selectionOf(file, 3, 6)).toMatchObject({ first: 3, last: 4 });
    expect(selectionOf(file, 5, 0)).toMatchObject({ first: 5, last: 5 });
    const lines = Array.from({ length: 20 }, (_, at) => `+line ${at}\n`).join("");
    const long = parseDiff(
      bytesOf(`diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,20 @@\n${lines}`),
    );
    const first = long.files[0] as FileDiff;
    const quote = anchorOf(long, selectionOf(first, 0, 19), "c1").quote;
    expect(quote).toHaveLength(QUOTE_LINES + 1);
    expect(quote.at(-1)).toBe("…");
  });

  it("lead back to the line they were made on", () => {
    for (const [from, to, line] of [
      [0, 0, 0],
      [1, 1, 1],
      [2, 3, 3],
      [6, 6, 6],
    ] as const) {
      const draft = { ...anchor(from, to), id: "1", text: "x" };
      expect(lineOfDraft(diff, file, draft)).toBe(line);
    }
    const draft = { ...anchor(2, 2), id: "1", text: "x" };
    expect(placeDrafts(diff, [draft], "c1").get(0)?.get(2)).toEqual([draft]);
    expect(placeDrafts(diff, [{ ...draft, to: 500 }], "c1").size).toBe(0);
    expect(placeDrafts(diff, [draft], "c2").size).toBe(0);
  });
});
