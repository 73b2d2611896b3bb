import { describe, expect, it } from "vitest";
import { colour, isColourable } from "./colour";
import { type Language, languageOf, loadParser } from "./language";
import { parseDiff } from "./parser";
import { bigDiff, bytesOf } from "./testing/text";
import { lineText } from "./text";
import type { FileDiff } from "./types";

const TEXT = `diff --git a/x.ts b/x.ts
--- a/x.ts
+++ b/x.ts
@@ -1,4 +1,4 @@
 /* a comment
 of two lines */
-const old = "a";
+const now: number = 12;
 return now;
`;

describe("colours", () => {
  it("each side is parsed by itself, and a comment reaches over lines", async () => {
    const diff = parseDiff(bytesOf(TEXT));
    const colours = colour(diff, diff.files[0] as FileDiff, await loadParser("ts"));
    const found = [0, 1, 2, 3, 4].map((line) =>
      (colours.get(line) ?? []).map(({ from, to, shade }) => [
        lineText(diff, line).text.slice(from, to),
        shade,
      ]),
    );
    expect(found[0]).toEqual([["/* a comment", "comment"]]);
    expect(found[1]).toEqual([["of two lines */", "comment"]]);
    expect(found[2]).toContainEqual(['"a"', "string"]);
    expect(found[3]).toContainEqual(["number", "type"]);
    expect(found[3]).toContainEqual(["12", "number"]);
    expect(found[4]).toEqual([["return", "keyword"]]);
  });

  it("every language loads and colours something", async () => {
    const samples: Record<Language, string> = {
      js: "const a = <b/>;",
      ts: "const a: string = 1;",
      tsx: "const a: T = <b/>;",
      rust: "fn main() {}",
      python: "def main(): pass",
      json: '{"a": 1}',
      css: ".a { color: red }",
      html: "<a href='x'>y</a>",
      markdown: "# Title",
      go: "func main() {}",
      yaml: "a: 1",
    };
    for (const [language, sample] of Object.entries(samples)) {
      const diff = parseDiff(
        bytesOf(`diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+${sample}\n`),
      );
      const parser = await loadParser(language as Language);
      expect(colour(diff, diff.files[0] as FileDiff, parser).size, language).toBe(1);
    }
  });

  it("knows files by their ending, and leaves big ones alone", () => {
    expect(languageOf("a/b.TS")).toBe("ts");
    expect(languageOf(".github/workflows/ci.yml")).toBe("yaml");
    for (const path of ["Makefile", "a.constructor", "rs", ""]) expect(languageOf(path)).toBeNull();
    const big = parseDiff(bigDiff(1, 3_000, 60));
    expect(isColourable(big, big.files[0] as FileDiff)).toBe(false);
  });
});
