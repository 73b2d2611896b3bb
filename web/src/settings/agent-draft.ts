import { limitText, readLimit } from "./limit";
import { type Driver, isDriver, isPreset, kindsFor, PRESETS, type PresetName } from "./presets";
import { commandIsLong, labelsText, nameFault, pathFault, readLabels, readPaths } from "./rules";
import { joinWords, splitWords } from "./words";

/** An agent's form, as it is typed. */
export interface AgentDraft {
  name: string;
  driver: Driver;
  preset: PresetName | "";
  /** The provider's name; empty for none. */
  provider: string;
  command: string;
  labels: string;
  paths: string;
  timeout: string;
  stall: string;
  isolation: Isolation;
  /** What a container starts from; empty for what the runner's machine has. */
  image: string;
  /** Limits by name: shown and changed on the command line, kept as they are here. */
  limits: Record<string, number>;
  /** Our tools are offered to it, and it may take the repository's settings: said on the command line, kept as they are here. */
  tools: boolean;
  repositorySettings: boolean;
}

/** How strongly runs are kept apart from the machine, strongest last. */
export const ISOLATIONS = ["sandbox", "container", "vm", "worktree", "none"] as const;
export type Isolation = (typeof ISOLATIONS)[number];

export function isIsolation(name: string): name is Isolation {
  return (ISOLATIONS as readonly string[]).includes(name);
}

/** Whether nothing stands between a run and the machine. */
export function isUnsandboxed(isolation: string): boolean {
  return isolation === "none" || isolation === "worktree";
}

/** What is known of an agent that is there. */
export interface AgentLike {
  name: string;
  driver: string;
  preset?: string | null;
  provider?: string | null;
  command: string[];
  labels: Record<string, string>;
  paths: string[];
  timeout_s: number;
  stall_s: number;
  isolation?: string;
  image?: string | null;
  limits?: Record<string, number>;
  tools?: boolean;
  repository_settings?: boolean;
}

export interface ProviderLike {
  name: string;
  kind: string;
  model?: string | null;
}

/** What the API takes for an agent. */
export interface AgentBody {
  name: string;
  driver: Driver;
  preset: string | null;
  provider: string | null;
  command: string[];
  labels: Record<string, string>;
  paths: string[];
  timeout_s: number;
  stall_s: number;
  isolation: Isolation;
  image: string | null;
  limits: Record<string, number>;
  tools: boolean;
  repository_settings: boolean;
}

/** The server's own limits where nothing is said: an hour in all, ten minutes of silence. */
const TIMEOUT_S = 3600;
const STALL_S = 600;

export function emptyAgent(): AgentDraft {
  return {
    name: "",
    driver: "acp",
    preset: "",
    provider: "",
    command: "",
    labels: "",
    paths: "",
    timeout: limitText(TIMEOUT_S),
    stall: limitText(STALL_S),
    isolation: "sandbox",
    image: "",
    limits: {},
    tools: false,
    repositorySettings: false,
  };
}

export function agentDraft(agent: AgentLike): AgentDraft {
  return {
    name: agent.name,
    driver: isDriver(agent.driver) ? agent.driver : "command",
    preset: isPreset(agent.preset) ? agent.preset : "",
    provider: agent.provider ?? "",
    command: joinWords(agent.command),
    labels: labelsText(agent.labels),
    paths: agent.paths.join("\n"),
    timeout: limitText(agent.timeout_s),
    stall: limitText(agent.stall_s),
    isolation: isIsolation(agent.isolation ?? "") ? (agent.isolation as Isolation) : "sandbox",
    image: agent.image ?? "",
    limits: agent.limits ?? {},
    tools: agent.tools ?? false,
    repositorySettings: agent.repository_settings ?? false,
  };
}

/** The draft after a preset was chosen: what it brings is filled in, what was typed stays. */
export function withPreset(
  draft: AgentDraft,
  preset: PresetName,
  providers: readonly ProviderLike[],
): AgentDraft {
  const known = PRESETS[preset];
  const untouched = draft.name === "" || isPreset(draft.name) || draft.name === OWN_NAME;
  return {
    ...draft,
    name: untouched ? preset : draft.name,
    preset,
    driver: known.driver,
    provider: fittingProvider(draft.provider, known.kinds, providers),
  };
}

/** The name proposed for our own loop. */
const OWN_NAME = "worker";

/** The draft after our own loop or a program of one's own was chosen. */
export function withDriver(
  draft: AgentDraft,
  driver: Driver,
  providers: readonly ProviderLike[],
): AgentDraft {
  const untouched = draft.name === "" || isPreset(draft.name) || draft.name === OWN_NAME;
  const kinds = kindsFor(driver, null);
  return {
    ...draft,
    name: untouched ? (driver === "builtin" ? OWN_NAME : "") : draft.name,
    preset: "",
    driver,
    command: driver === "builtin" ? "" : draft.command,
    provider: kinds === null ? draft.provider : fittingProvider(draft.provider, kinds, providers),
  };
}

/** The chosen provider where it fits, else the first that does. */
function fittingProvider(
  chosen: string,
  kinds: readonly string[],
  providers: readonly ProviderLike[],
): string {
  const fitting = providers.filter((provider) => kinds.includes(provider.kind));
  const kept = fitting.find((provider) => provider.name === chosen);
  return (kept ?? fitting[0])?.name ?? "";
}

export type AgentField = keyof AgentDraft;
export type AgentFaults = Partial<Record<AgentField, AgentFault>>;
export type AgentFault =
  | NonNullable<ReturnType<typeof nameFault>>
  | "command_needed"
  | "command_quote_single"
  | "command_quote_double"
  | "command_escape"
  | "command_long"
  | "provider_needed"
  | "provider_kind"
  | "provider_model"
  | "provider_gone"
  | "label_shape"
  | "label_twice"
  | "path_relative"
  | "limit_shape"
  | "limit_range"
  | "image_shape";

const QUOTES = {
  open_single: "command_quote_single",
  open_double: "command_quote_double",
  open_escape: "command_escape",
} as const;

/** What is wrong with the draft, by field; empty when it may be sent. */
export function agentFaults(draft: AgentDraft, providers: readonly ProviderLike[]): AgentFaults {
  const faults: AgentFaults = {};
  const say = (field: AgentField, fault: AgentFault | null) => {
    if (fault !== null) faults[field] = fault;
  };
  say("name", nameFault(draft.name));
  say("command", commandFault(draft));
  say("provider", providerFault(draft, providers));
  const labels = readLabels(draft.labels);
  if ("fault" in labels) say("labels", labels.fault);
  if (readPaths(draft.paths).some((path) => pathFault(path) !== null))
    say("paths", "path_relative");
  if (draft.isolation === "container" && /\s|^-/.test(draft.image.trim()))
    say("image", "image_shape");
  for (const field of ["timeout", "stall"] as const) {
    const limit = readLimit(draft[field]);
    if ("fault" in limit) say(field, limit.fault);
  }
  return faults;
}

function commandFault(draft: AgentDraft): AgentFault | null {
  if (draft.driver === "builtin") return null;
  const split = splitWords(draft.command);
  if (split.fault !== null) return QUOTES[split.fault];
  if (split.words.length === 0) return draft.preset === "" ? "command_needed" : null;
  return commandIsLong(split.words) ? "command_long" : null;
}

function providerFault(draft: AgentDraft, providers: readonly ProviderLike[]): AgentFault | null {
  if (draft.provider === "") return draft.driver === "builtin" ? "provider_needed" : null;
  const provider = providers.find((one) => one.name === draft.provider);
  if (provider === undefined) return "provider_gone";
  const kinds = kindsFor(draft.driver, draft.preset === "" ? null : draft.preset);
  if (kinds === null) return null;
  if (!(kinds as readonly string[]).includes(provider.kind)) return "provider_kind";
  // The runner refuses to start a known agent that no model is named for.
  return provider.model ? null : "provider_model";
}

/** The draft as the API takes it. Only for a draft without faults. */
export function agentBody(draft: AgentDraft): AgentBody {
  const labels = readLabels(draft.labels);
  const builtin = draft.driver === "builtin";
  const image = draft.image.trim();
  return {
    name: draft.name,
    driver: draft.driver,
    preset: builtin || draft.preset === "" ? null : draft.preset,
    provider: draft.provider === "" ? null : draft.provider,
    command: builtin ? [] : splitWords(draft.command).words,
    labels: "labels" in labels ? labels.labels : {},
    paths: readPaths(draft.paths),
    timeout_s: secondsOf(draft.timeout, TIMEOUT_S),
    stall_s: secondsOf(draft.stall, STALL_S),
    isolation: draft.isolation,
    image: draft.isolation === "container" && image !== "" ? image : null,
    limits: draft.limits,
    tools: draft.driver !== "builtin" && draft.tools,
    repository_settings: draft.repositorySettings,
  };
}

function secondsOf(text: string, otherwise: number): number {
  const limit = readLimit(text);
  return "seconds" in limit ? limit.seconds : otherwise;
}
