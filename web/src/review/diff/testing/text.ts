import { changeOf, lineText } from "../text";
import { ADDED, type Diff, type FileDiff, REMOVED } from "../types";

const encoder = new TextEncoder();

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** A file's lines with their markers, as a patch writes them. */
export function shown(diff: Diff, file: FileDiff): string[] {
  return file.hunks.flatMap((hunk) =>
    Array.from({ length: hunk.end - hunk.first }, (_, at) => {
      const line = hunk.first + at;
      const change = changeOf(diff, line);
      const marker = change === ADDED ? "+" : change === REMOVED ? "-" : " ";
      return marker + lineText(diff, line).text;
    }),
  );
}

/** A diff of `files` files with `lines` changed lines each. */
export function bigDiff(files: number, lines: number, width = 40): Uint8Array {
  const parts: string[] = [];
  const filler = "x".repeat(width);
  for (let file = 0; file < files; file++) {
    const name = `src/part-${file % 97}/file-${file}.ts`;
    parts.push(
      `diff --git a/${name} b/${name}`,
      `index ${file.toString(16).padStart(40, "0")}..${"b".repeat(40)} 100644`,
      `--- a/${name}`,
      `+++ b/${name}`,
      `@@ -1,${lines + 1} +1,${lines + 1} @@ export function part() {`,
      " const kept = 1;",
    );
    for (let line = 0; line < lines; line++) parts.push(`-const a${line} = "${filler}";`);
    for (let line = 0; line < lines; line++) parts.push(`+const b${line} = "${filler}";`);
  }
  return bytesOf(`${parts.join("\n")}\n`);
}
