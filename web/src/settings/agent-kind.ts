import { type AgentDraft, type ProviderLike, withDriver, withPreset } from "./agent-draft";
import { PRESET_NAMES, type PresetName } from "./presets";

/** What a person chooses first: an agent that is known, our own loop, or a program of theirs. */
export const AGENT_KINDS = [...PRESET_NAMES, "builtin", "command", "acp"] as const;
export type AgentKind = (typeof AGENT_KINDS)[number];

export function kindOf(draft: Pick<AgentDraft, "driver" | "preset">): AgentKind {
  return draft.preset === "" ? draft.driver : draft.preset;
}

export function withAgentKind(
  draft: AgentDraft,
  kind: AgentKind,
  providers: readonly ProviderLike[],
): AgentDraft {
  return isPresetName(kind)
    ? withPreset(draft, kind, providers)
    : withDriver(draft, kind, providers);
}

function isPresetName(kind: AgentKind): kind is PresetName {
  return (PRESET_NAMES as readonly string[]).includes(kind);
}
