/** The documents on the wire, by the names that everyone uses. */

export type Lane = "Backlog" | "Planning" | "Build" | "Test" | "Review" | "Done";
/** From left to right. */
export const LANES: readonly Lane[] = ["Backlog", "Planning", "Build", "Test", "Review", "Done"];

export type RunState =
  | "queued"
  | "dispatching"
  | "running"
  | "waiting"
  | "landing"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "rejected";

export type Egress = "none" | "registries" | "open";

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Me {
  user: string;
  name: string;
  role: string;
  tenant: string;
  tenant_name: string;
  server_version: string;
  expires_at: string | null;
}

export interface Project {
  id: string;
  name: string;
  remote: string;
  target: string;
  egress: Egress;
  record: { remote: string; ref: string; path: string };
  created_at: string;
}

export interface NewProject {
  name: string;
  remote: string;
  target?: string | null;
  egress?: Egress;
}

/** `written`: sealed to so many runners. */
export type KeyRef = "none" | { env: string } | { file: string } | { written: number };
export type NewKey = "none" | "keep" | { env: string } | { file: string } | { write: string };

export interface Provider {
  id: string;
  name: string;
  kind: string;
  base_url: string;
  key: KeyRef;
  model: string | null;
  created_at: string;
}

export interface Agent {
  id: string;
  name: string;
  driver: string;
  preset: string | null;
  provider: string | null;
  paths: string[];
  labels: Record<string, string>;
  timeout_s: number;
  stall_s: number;
  command: string[];
  created_at: string;
}

export interface Card {
  id: string;
  project: string;
  title: string;
  body: string;
  lane: Lane;
  depends: string[];
  unmet: string[];
  run: string | null;
  run_state: RunState | null;
  run_reason: string | null;
  waiting_for: string | null;
  /** The latest run's agent. */
  agent: string | null;
  landed: boolean;
  version: number;
  rank: number;
  archived_at: string | null;
  created_at: string;
  updated_at: string;
}

export interface CardEvent {
  seq: number;
  at: string;
  by: string | null;
  kind: "created" | "edited" | "moved" | "archived" | "restored" | "run_started" | "run_state";
  from?: string | null;
  to?: string | null;
  run?: string | null;
  state?: RunState | null;
  reason?: string | null;
}

export interface Check {
  name: string;
  state: string;
  exit_code: number | null;
}

export interface Usage {
  input_tokens: number;
  output_tokens: number;
  requests: number;
}

export interface Run {
  id: string;
  state: RunState;
  reason: string | null;
  detail: string | null;
  waiting_for: string | null;
  project: string;
  card: string;
  card_title: string;
  agent: string;
  agent_version: string | null;
  isolation: string;
  egress: Egress;
  runner: string | null;
  epoch: number;
  attempt: number;
  parent: string | null;
  base: string | null;
  commit: string | null;
  landed: string | null;
  target: string;
  checks: Check[];
  usage: Usage | null;
  by: string;
  approved_by: string | null;
  last_seq: number;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}

export interface Step {
  epoch: number;
  name: string;
  state: "running" | "done" | "failed" | "cancelled";
  exit_code: number | null;
  started_at: string;
  finished_at: string | null;
}

/** Gap-free within a run: `seq` counts from 1. */
export interface RunEvent {
  seq: number;
  ts: string;
  type: string;
  payload: unknown;
}

export type ReviewFlag =
  | "ci"
  | "hook"
  | "agent-config"
  | "editor-config"
  | "build-script"
  | "lockfile"
  | "submodule"
  | "symlink"
  | "executable";

export interface ReviewFile {
  path: string;
  old_path: string | null;
  status: "added" | "modified" | "deleted" | "renamed" | "mode";
  additions: number;
  deletions: number;
  binary: boolean;
  flags: ReviewFlag[];
}

export interface Review {
  asked: { by: string | null; at: string; kind: "card" | "reply"; text: string }[];
  summary: string | null;
  files: ReviewFile[];
  additions: number;
  deletions: number;
  truncated: boolean;
  commit: string;
  base: string;
  digest: string;
  evidence: { name: string; state: string; exit_code: number | null; ms: number | null }[];
}

export interface Base {
  base: string;
  head: string | null;
  state: "same" | "moved" | "unknown";
  commits: number | null;
  message: string | null;
}

export interface Runner {
  id: string;
  name: string;
  state: "online" | "draining" | "offline";
  labels: Record<string, string>;
  capacity: number;
  busy: number;
  version: string;
  last_seen: string | null;
  created_at: string;
}

export interface EnrolToken {
  token: string;
  expires_at: string;
}

export interface InboxItem {
  kind: "review" | "failed" | "stuck";
  since: string;
  run: Run;
  project_name: string;
}
