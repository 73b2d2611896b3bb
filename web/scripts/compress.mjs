// Writes a .gz beside every text file of the build, so that the server never compresses.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const TEXT = /\.(js|css|html|svg)$/;

for (const name of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
  if (TEXT.test(name))
    writeFileSync(`${dist}${name}.gz`, gzipSync(readFileSync(dist + name), { level: 9 }));
}
