/**
 * The server's rules for what people type, so that a slip is said while they type. The server (or
 * the runner that tries it) still decides: what passes here may be refused there, in words.
 */

/** Names in a path, a command line and an address; the engine's `check_name`. */
const NAME = /^(?![-.])[A-Za-z0-9._-]{1,64}$/;
/** The longest address of a repository that the runner's git takes. */
const REMOTE_MAX = 2048;
/** The longest branch name that the runner's git takes. */
const BRANCH_MAX = 240;
/** The most words of a command that the engine takes. */
const COMMAND_WORDS_MAX = 256;

export type NameFault = "name_empty" | "name_long" | "name_start" | "name_shape";

export function nameFault(name: string): NameFault | null {
  if (name === "") return "name_empty";
  if (NAME.test(name)) return null;
  if (!/^[A-Za-z0-9._-]+$/.test(name)) return "name_shape";
  return name.length > 64 ? "name_long" : "name_start";
}

export type RemoteFault =
  | "remote_empty"
  | "remote_long"
  | "remote_blank"
  | "remote_scheme"
  | "remote_secret"
  | "remote_query"
  | "remote_repository"
  | "remote_shape";

export function remoteFault(remote: string): RemoteFault | null {
  if (remote === "") return "remote_empty";
  if (remote.length > REMOTE_MAX) return "remote_long";
  if (/[\s\p{Cc}]|%(00|0a|0d|09)/iu.test(remote)) return "remote_blank";
  if (remote.startsWith("/")) return null;
  const [scheme, rest] = cut(remote, "://");
  if (rest !== null) return addressFault(scheme, rest);
  if (remote.startsWith("-") || remote.includes("::")) return "remote_shape";
  const [host, path] = cut(remote, ":");
  if (path === null || host.includes("/") || host === "") return "remote_shape";
  return path === "" || path.startsWith("-") ? "remote_repository" : null;
}

/** Users of an address that are tokens of a forge: they would end up in process lists and logs. */
const TOKEN_USER = /^(gh[pousr]_|github_pat_|glpat-)/;

function addressFault(scheme: string, rest: string): RemoteFault | null {
  if (scheme === "file") return rest.startsWith("/") ? null : "remote_shape";
  if (!["https", "http", "ssh"].includes(scheme)) return "remote_scheme";
  const [authority, path] = cut(rest, "/");
  const at = authority.lastIndexOf("@");
  const user = at < 0 ? "" : authority.slice(0, at);
  if (user.includes(":") || TOKEN_USER.test(user)) return "remote_secret";
  if (path === null || path === "") return "remote_repository";
  if (scheme !== "ssh" && /[?#]/.test(path)) return "remote_query";
  return /^[A-Za-z0-9._:[\]%-]+$/.test(authority.slice(at + 1)) ? null : "remote_shape";
}

function cut(text: string, at: string): [string, string | null] {
  const index = text.indexOf(at);
  return index < 0 ? [text, null] : [text.slice(0, index), text.slice(index + at.length)];
}

/** A name for a project from its remote's last part; empty where it has none that fits. */
export function projectName(remote: string): string {
  const last =
    remote
      .replace(/[/\\]+$/, "")
      .split(/[/:\\]/)
      .at(-1) ?? "";
  const name = last
    .replace(/\.git$/i, "")
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[-.]+/, "")
    .slice(0, 64);
  return nameFault(name) === null ? name : "";
}

export type BranchFault = "branch_prefix" | "branch_reserved" | "branch_shape" | "branch_long";

/** A short branch name by git-check-ref-format(1). */
export function branchFault(branch: string): BranchFault | null {
  if (branch.length > BRANCH_MAX) return "branch_long";
  if (branch.startsWith("refs/")) return "branch_prefix";
  if (branch.startsWith("-") || branch === "@" || branch === "HEAD") return "branch_reserved";
  if (/\.\.|@\{|\.$|[ \p{Cc}~^:?*[\\]/u.test(branch)) return "branch_shape";
  const parts = branch.split("/");
  return parts.some((part) => part === "" || part.startsWith(".") || part.endsWith(".lock"))
    ? "branch_shape"
    : null;
}

export type FolderFault = "folder_absolute" | "folder_shape" | "folder_special" | "folder_long";

/** A folder of a repository, as the server reads it; empty is all of it. */
export function folderFault(path: string): FolderFault | null {
  if (path === "" || path === ".") return null;
  if (path.length > 1024) return "folder_long";
  if (path.startsWith("/")) return "folder_absolute";
  const parts = path.replace(/\/$/, "").split("/");
  const odd = (part: string) => ["", ".", ".."].includes(part) || part.toLowerCase() === ".git";
  if (parts.some(odd)) return "folder_shape";
  return path.startsWith("-") || /[\\*?[\]!#:\p{Cc}]/u.test(path) ? "folder_special" : null;
}

export type AddressFault =
  | "address_empty"
  | "address_shape"
  | "address_secret"
  | "address_query"
  | "address_plain";

/** The address of a model endpoint, as the gateway reads it. */
export function endpointFault(address: string): AddressFault | null {
  const text = address.trim();
  if (text === "") return "address_empty";
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return "address_shape";
  }
  if (url.hostname === "" || !["http:", "https:"].includes(url.protocol)) return "address_shape";
  if (url.username !== "" || url.password !== "") return "address_secret";
  if (url.search !== "" || url.hash !== "") return "address_query";
  return url.protocol === "http:" && !isLocal(url.hostname) ? "address_plain" : null;
}

/** This machine or a private network, as far as the address says so by itself. */
function isLocal(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, "").toLowerCase();
  if (name === "localhost" || name.endsWith(".localhost") || name === "::1") return true;
  const v4 = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(name);
  if (v4 !== null) {
    const [a, b] = [Number(v4[1]), Number(v4[2])];
    const privately = a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168);
    return a === 127 || privately || (a === 169 && b === 254);
  }
  return /^(f[cd]|fe[89ab])[0-9a-f]*:/.test(name);
}

export type VariableFault = "variable_empty" | "variable_shape";

/** An environment variable's name; a key typed in its place does not pass. */
export function variableFault(name: string): VariableFault | null {
  if (name === "") return "variable_empty";
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? null : "variable_shape";
}

export type PathFault = "path_relative" | "path_empty";

export function pathFault(path: string): PathFault | null {
  if (path === "") return "path_empty";
  return path.startsWith("/") && !path.includes("\0") ? null : "path_relative";
}

export type LabelsFault = "label_shape" | "label_twice";

/** Labels as they are typed: `gpu=a100`, one a line or apart by blanks or commas. */
export function readLabels(
  text: string,
): { labels: Record<string, string> } | { fault: LabelsFault } {
  // A map, because `__proto__` is a key like any other.
  const labels = new Map<string, string>();
  for (const pair of text.split(/[\s,]+/).filter((part) => part !== "")) {
    const [key, value] = cut(pair, "=");
    if (key === "" || value === null || value === "") return { fault: "label_shape" };
    if (labels.has(key)) return { fault: "label_twice" };
    labels.set(key, value);
  }
  return { labels: Object.fromEntries(labels) };
}

export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join("\n");
}

/** Directories as they are typed, one a line: a path may hold blanks. */
export function readPaths(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

export type ModelFault = "model_shape";

/** A model's name ends up in arguments and configuration files of agents. */
export function modelFault(model: string): ModelFault | null {
  return model.startsWith("-") || /\p{Cc}/u.test(model) ? "model_shape" : null;
}

export function commandIsLong(words: readonly string[]): boolean {
  return words.length > COMMAND_WORDS_MAX;
}
