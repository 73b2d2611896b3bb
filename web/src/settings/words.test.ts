import { describe, expect, it } from "vitest";
import { joinWords, quoteWord, splitWords } from "./words";

const words = (line: string) => splitWords(line).words;

describe("splitWords", () => {
  it("splits at blanks and keeps what is quoted together", () => {
    expect(words("  ./fix.sh   --quick ")).toEqual(["./fix.sh", "--quick"]);
    expect(words(`sh -c 'cargo fmt && git add -A'`)).toEqual([
      "sh",
      "-c",
      "cargo fmt && git add -A",
    ]);
    expect(words(`a"b c"'d e'f`)).toEqual(["ab cd ef"]);
    expect(words(`a '' ""`)).toEqual(["a", "", ""]);
    expect(words("a\nb\tc")).toEqual(["a", "b", "c"]);
    expect(words("")).toEqual([]);
  });

  it("reads backslashes as a shell does", () => {
    expect(words(String.raw`a\ b \'c\\`)).toEqual(["a b", "'c\\"]);
    expect(words(String.raw`"a\"b\\c\n"`)).toEqual([String.raw`a"b\c\n`]);
    expect(words("a \\\n b")).toEqual(["a", "b"]);
    expect(words(String.raw`'a\b'`)).toEqual([String.raw`a\b`]);
  });

  it("says what is not closed", () => {
    expect(splitWords("sh -c 'x").fault).toBe("open_single");
    expect(splitWords('sh -c "x').fault).toBe("open_double");
    expect(splitWords('"a\\').fault).toBe("open_double");
    expect(splitWords("a \\").fault).toBe("open_escape");
    expect(splitWords("sh -c 'x'").fault).toBeNull();
  });

  it("names what would need a shell, and nothing that is quoted away", () => {
    expect(splitWords("make && make test").shell).toBe("&&");
    expect(splitWords("echo $HOME").shell).toBe("$");
    expect(splitWords('echo "$HOME"').shell).toBe("$");
    expect(splitWords("cat a | wc").shell).toBe("|");
    expect(splitWords("ls *.rs").shell).toBe("*");
    expect(splitWords("~/bin/fix").shell).toBe("~");
    expect(splitWords("a~ --x=b").shell).toBeNull();
    expect(splitWords(`sh -c 'make && echo $HOME *'`).shell).toBeNull();
    expect(splitWords(String.raw`echo \$HOME`).shell).toBeNull();
  });
});

describe("joinWords", () => {
  it("is read back as the same words", () => {
    for (const list of [
      ["sh", "-c", "cargo fmt && echo 'x y' \"$A\" \\n"],
      ["a", "", "b c", "'", '"', "\\", "\n", "ü", "$(x)"],
      [],
    ]) {
      expect(words(joinWords(list))).toEqual(list);
      expect(splitWords(joinWords(list)).shell).toBeNull();
    }
  });

  it("leaves plain words as they are", () => {
    expect(quoteWord("--label=gpu")).toBe("--label=gpu");
    expect(quoteWord("https://h/v1")).toBe("https://h/v1");
    expect(quoteWord("a b")).toBe("'a b'");
  });
});
