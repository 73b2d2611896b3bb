/**
 * Processes as the kernel shows them. Everything that a test starts is known by the name of its temporary
 * directory, which nothing else on the machine has.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // it is gone
  }
}

/** The fields of /proc/PID/stat after the name, which may itself hold anything. */
function stat(pid: number): string[] {
  const text = read(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

export function isAlive(pid: number): boolean {
  const state = stat(pid)[0];
  return state !== undefined && state !== "" && state !== "Z";
}

export function all(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(isAlive);
}

export const parent = (pid: number): number => Number(stat(pid)[1] ?? 0);

/** The arguments. */
export const words = (pid: number): string[] =>
  read(`/proc/${pid}/cmdline`).split("\0").filter(Boolean);

/** The file name of the program. */
export function program(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`).split("/").pop() ?? "";
  } catch {
    return "";
  }
}

/** A process and all below it. */
export function tree(root: number): Set<number> {
  const parents = all().map((pid) => [pid, parent(pid)] as const);
  const found = new Set([root]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const [pid, above] of parents) if (found.has(above)) found.add(pid);
  }
  return found;
}

/** Whether its root is a sandbox's. A workspace is mounted on the host too, where everybody sees it. */
function isInside(pid: number): boolean {
  return existsSync(join("/proc", String(pid), "root", ".freehold"));
}

/** Live processes whose arguments or environment name `mark`, or whose mounts do: a sandboxed one is known by its mounts. */
export function marked(mark: string): number[] {
  return all().filter((pid) => {
    const files = isInside(pid) ? ["cmdline", "environ", "mountinfo"] : ["cmdline", "environ"];
    return pid !== process.pid && files.some((file) => read(`/proc/${pid}/${file}`).includes(mark));
  });
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It may be gone by itself; who needs to know looks.
  }
}

/** A figure of /proc/PID/status in MB. */
export function memory(pid: number, field: "VmRSS" | "VmHWM"): number {
  const line = read(`/proc/${pid}/status`)
    .split("\n")
    .find((text) => text.startsWith(field));
  return Number(line?.split(/\s+/)[1] ?? 0) / 1024;
}
