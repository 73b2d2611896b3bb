// What the first view (index.html and the board) makes a browser load, compressed.
// Fails above the promise of 350 KB; what is loaded later by need does not count.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const LIMIT = 350 * 1024;
const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const manifest = JSON.parse(readFileSync(`${dist}manifest.json`, "utf8"));

const files = new Set(["index.html", "theme.js"]);
const seen = new Set();

function follow(key) {
  const chunk = manifest[key];
  if (chunk === undefined) throw new Error(`the build has no ${key}`);
  if (seen.has(key)) return;
  seen.add(key);
  files.add(chunk.file);
  for (const style of chunk.css ?? []) files.add(style);
  for (const other of chunk.imports ?? []) follow(other);
}

follow("index.html");
follow("src/board/board-page.tsx");

const sizes = [...files]
  .map((file) => [file, gzipSync(readFileSync(dist + file), { level: 9 }).length])
  .sort((a, b) => b[1] - a[1]);
const sum = sizes.reduce((total, [, size]) => total + size, 0);
for (const [file, size] of sizes)
  console.log(`${(size / 1024).toFixed(1).padStart(8)} KB  ${file}`);
console.log(`${(sum / 1024).toFixed(1).padStart(8)} KB  in all, of ${LIMIT / 1024} KB at most`);
if (sum > LIMIT) process.exit(1);
