import { quoteWord } from "../settings/words";

/** How the other machine reaches this server. */
export interface Way {
  /** The server's address as the runner is told. */
  server: string;
  /** The link has no TLS of its own: a server on loopback is reached through a tunnel alone. */
  tunnel: string | null;
}

export function wayTo(origin: string): Way {
  const url = new URL(origin);
  if (url.protocol === "https:") return { server: url.origin, tunnel: null };
  const port = url.port === "" ? "80" : url.port;
  // Both ends are loopback, whatever name the browser used for it.
  return {
    server: `http://localhost:${port}`,
    tunnel: `ssh -N -L ${port}:127.0.0.1:${port} USER@THIS-MACHINE`,
  };
}

/**
 * What enrols and starts a runner. The token goes in by standard input, so that it stands in no
 * shell's history and in no list of processes.
 */
export function serveCommand(
  server: string,
  options: { data?: string; labels?: readonly string[] } = {},
): string {
  const words = ["freehold", "runner", "serve", "--server", server, "--token-file", "-"];
  for (const label of options.labels ?? []) words.push("--label", label);
  if (options.data !== undefined) words.push("--data", options.data);
  return words.map((word) => (word.startsWith("~/") ? word : quoteWord(word))).join(" ");
}

/** Whole seconds until `expires`, by the server's clock; never below 0. */
export function secondsLeft(expires: string, now: number): number {
  const at = Date.parse(expires);
  return Number.isNaN(at) ? 0 : Math.max(0, Math.ceil((at - now) / 1000));
}

/** `14:59`. */
export function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
