/**
 * Completes package-lock.json: `npm run lock`, after `npm install` of something.
 *
 * Compilers come as one package for each kind of machine, and a registry need not have them all. npm then leaves out
 * what it did not find, and `npm ci` refuses such a lock file everywhere. A package for another kind of machine is
 * never fetched, so its name, version and kind are all that has to stand there.
 */
import { readFileSync, writeFileSync } from "node:fs";

const FILE = new URL("../package-lock.json", import.meta.url);
const SYSTEMS = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
];
const PROCESSORS = [
  "arm64",
  "arm",
  "ia32",
  "loong64",
  "mips64el",
  "ppc64",
  "riscv64",
  "s390x",
  "wasm32",
  "x64",
];

/** What npm would say of the machine that a package is for, as its name says it. */
function kind(name) {
  const words = name.split(/[/-]/);
  const found = {};
  const cpu = PROCESSORS.find((word) => words.includes(word));
  const os = name === "fsevents" ? "darwin" : SYSTEMS.find((word) => words.includes(word));
  if (cpu !== undefined) found.cpu = [cpu];
  if (words.some((word) => word.startsWith("musl"))) found.libc = ["musl"];
  else if (words.includes("gnu")) found.libc = ["glibc"];
  if (os !== undefined) found.os = [os];
  return found;
}

const lock = JSON.parse(readFileSync(FILE, "utf8"));
const added = [];
for (const package_ of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(package_.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    if (place in lock.packages) continue;
    const about = kind(name);
    if (!/^\d/.test(version) || (about.os === undefined && about.cpu === undefined)) {
      throw new Error(
        `${name}@${version}: its name does not say which machines it is for; complete the lock file by hand`,
      );
    }
    lock.packages[place] = {
      version,
      ...(package_.dev ? { dev: true } : {}),
      optional: true,
      ...about,
    };
    added.push(`${name}@${version}`);
  }
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en")),
);
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
console.log(added.length === 0 ? "the lock file is complete" : `added ${added.join(", ")}`);
