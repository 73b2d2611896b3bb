// Names in git's patches: C-quoted where they hold odd bytes, bare otherwise.
// https://git-scm.com/docs/git-config#Documentation/git-config.txt-corequotePath

const ESCAPES: Record<string, number> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  '"': 34,
  "\\": 92,
};

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Reads a quoted name at the start of `text`. Null where the quotes do not close or an escape is unknown. */
export function unquote(text: string): { name: string; length: number } | null {
  if (!text.startsWith('"')) return null;
  const bytes: number[] = [];
  let at = 1;
  while (at < text.length) {
    const char = text[at] as string;
    if (char === '"') return { name: decoder.decode(new Uint8Array(bytes)), length: at + 1 };
    if (char !== "\\") {
      const point = String.fromCodePoint(text.codePointAt(at) as number);
      bytes.push(...encoder.encode(point));
      at += point.length;
      continue;
    }
    const octal = /^[0-3][0-7]{2}/.exec(text.slice(at + 1, at + 4))?.[0];
    const escaped = octal ? Number.parseInt(octal, 8) : ESCAPES[text[at + 1] ?? ""];
    if (escaped === undefined) return null;
    bytes.push(escaped);
    at += octal ? 4 : 2;
  }
  return null;
}

/** A name that is alone on its line: of `rename from`, `--- ` and the like. */
export function nameOf(text: string): string | null {
  if (text.startsWith('"')) return unquote(text)?.name ?? null;
  // A tab follows names with blanks, so that `patch` sees where they end.
  const tab = text.indexOf("\t");
  const name = tab < 0 ? text : text.slice(0, tab);
  return name === "" ? null : name;
}

/** A name behind `--- ` or `+++ `: null for `/dev/null`, undefined where it cannot be read. */
export function sideName(text: string, prefix: "a/" | "b/"): string | null | undefined {
  const name = nameOf(text);
  if (name === null) return undefined;
  if (name === "/dev/null") return null;
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

/**
 * The name in `diff --git a/… b/…`. Bare names do not say where the first ends, but then both are
 * the same (a rename repeats them on lines of their own); null where that is not so.
 */
export function headerName(rest: string): { old: string; now: string } | null {
  if (rest.startsWith('"') || rest.endsWith('"')) return quotedPair(rest);
  const half = (rest.length - 1) / 2;
  if (!Number.isInteger(half) || rest[half] !== " ") return null;
  const [left, right] = [rest.slice(0, half), rest.slice(half + 1)];
  if (!left.startsWith("a/") || !right.startsWith("b/") || left.slice(2) !== right.slice(2)) {
    return null;
  }
  return { old: left.slice(2), now: right.slice(2) };
}

function quotedPair(rest: string): { old: string; now: string } | null {
  const first = unquote(rest);
  const split = first ? first.length : rest.indexOf(' "');
  const left = first ? first.name : rest.slice(0, split);
  if (split < 0 || rest[split] !== " ") return null;
  const behind = rest.slice(split + 1);
  const second = behind.startsWith('"') ? unquote(behind)?.name : behind;
  if (second === undefined || !left.startsWith("a/") || !second.startsWith("b/")) return null;
  return { old: left.slice(2), now: second.slice(2) };
}
