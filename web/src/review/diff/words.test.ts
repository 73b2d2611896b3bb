import { describe, expect, it } from "vitest";
import { hasHidden, isHidden, pieces } from "./hidden";
import { segments } from "./segments";
import { bytesOf } from "./testing/text";
import { wordChange } from "./words";

describe("changed words", () => {
  const marked = (before: string, after: string) => {
    const change = wordChange(before, after);
    return (
      change && [
        change.removed.map(([from, to]) => before.slice(from, to)),
        change.added.map(([from, to]) => after.slice(from, to)),
      ]
    );
  };

  it("marks what differs", () => {
    expect(marked("let count = 1;", "let total = 1;")).toEqual([["count"], ["total"]]);
    expect(marked("call(a, b)", "call(a, b, c)")).toEqual([[], [", c"]]);
    expect(marked("const größe = 1", "const grösse = 1")).toEqual([["größe"], ["grösse"]]);
    expect(marked("return the old words", "return some new words")).toEqual([
      ["the old"],
      ["some new"],
    ]);
  });

  it("leaves lines alone that have little in common, or are too long", () => {
    expect(marked("import { a } from 'x'", "export default 12")).toBeNull();
    expect(marked("a".repeat(2_000), "a".repeat(2_001))).toBeNull();
    expect(marked("same", "same")).toBeNull();
    const many = Array.from({ length: 400 }, (_, at) => at % 10);
    expect(marked(many.join(" "), many.reverse().join("-"))).toBeNull();
  });
});

describe("characters that are not seen", () => {
  it("bytes and text agree about every code point", () => {
    const wrong: string[] = [];
    for (let point = 0; point <= 0x10ffff; point++) {
      if (point >= 0xd800 && point < 0xe000) continue;
      if (point === 9) continue;
      const text = `a${String.fromCodePoint(point)}b`;
      const bytes = bytesOf(text);
      if (hasHidden(bytes, 0, bytes.length) !== isHidden(point)) wrong.push(point.toString(16));
    }
    expect(wrong).toEqual([]);
  });

  it("names them, and leaves tabs, emoji and other scripts alone", () => {
    expect(
      pieces("if (admin\u202e) {").map((piece) => (piece.hidden ? piece.name : piece.text)),
    ).toEqual(["if (admin", "U+202E", ") {"]);
    for (const text of ["\ttab", "👩‍💻", "❤️", "עברית", "naïve", "日本語"]) {
      expect(pieces(text)).toHaveLength(1);
      const bytes = bytesOf(text);
      expect(hasHidden(bytes, 0, bytes.length)).toBe(false);
    }
    expect(hasHidden(new Uint8Array([0xff, 0xfe, 0xe2, 0x80]), 0, 4)).toBe(false);
  });
});

describe("segments", () => {
  it("cuts at colours, marks and hidden characters, and loses no text", () => {
    const text = "let \u200bname = 1;";
    const found = segments(text, [{ from: 0, to: 3, shade: "keyword" }], [[2, 6]]);
    expect(found.map((segment) => segment.text).join("")).toBe(text);
    expect(found.map(({ shade, marked, hidden }) => [shade, marked, hidden])).toEqual([
      ["keyword", false, null],
      ["keyword", true, null],
      [null, true, null],
      [null, true, "U+200B"],
      [null, true, null],
      [null, false, null],
    ]);
  });
});
