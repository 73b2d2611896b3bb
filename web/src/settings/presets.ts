/** How an agent is spoken to. */
export const DRIVERS = ["acp", "command", "builtin"] as const;
export type Driver = (typeof DRIVERS)[number];

/** What a model endpoint speaks. */
export const PROVIDER_KINDS = ["openai", "anthropic", "ollama"] as const;
export type ProviderKind = (typeof PROVIDER_KINDS)[number];

export const PRESET_NAMES = ["claude", "codex", "opencode", "gemini"] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

/** What the runner knows of an agent of the field; `crates/agents/src/preset` has the whole of it. */
export interface Preset {
  /** The driver to propose. */
  driver: Exclude<Driver, "builtin">;
  /** The kinds of provider that it can be pointed at, best first. Empty: none. */
  kinds: readonly ProviderKind[];
  /** What is started, for each driver, with what makes it speak as we need it. */
  runs: Record<Exclude<Driver, "builtin">, readonly string[]>;
}

export const PRESETS: Record<PresetName, Preset> = {
  claude: {
    driver: "command",
    kinds: ["anthropic", "ollama"],
    runs: {
      acp: ["claude-agent-acp"],
      command: [
        "claude",
        "-p",
        "--output-format",
        "stream-json",
        "--permission-mode",
        "bypassPermissions",
      ],
    },
  },
  codex: {
    driver: "acp",
    kinds: ["openai", "ollama"],
    runs: {
      acp: ["codex-acp"],
      command: ["codex", "exec", "--json", "-"],
    },
  },
  opencode: {
    driver: "acp",
    kinds: ["openai", "anthropic", "ollama"],
    runs: {
      acp: ["opencode", "acp"],
      command: ["opencode", "run", "--format", "json", "--pure"],
    },
  },
  gemini: {
    driver: "acp",
    kinds: [],
    runs: {
      acp: ["gemini", "--acp"],
      command: ["gemini", "-o", "stream-json", "--approval-mode", "yolo"],
    },
  },
};

export function isPreset(name: string | null | undefined): name is PresetName {
  return name != null && Object.hasOwn(PRESETS, name);
}

export function isDriver(name: string): name is Driver {
  return (DRIVERS as readonly string[]).includes(name);
}

/** The kinds of provider that serve this choice; null: any, because the program decides for itself. */
export function kindsFor(
  driver: Driver,
  preset: PresetName | null,
): readonly ProviderKind[] | null {
  if (driver === "builtin") return PROVIDER_KINDS;
  return preset === null ? null : PRESETS[preset].kinds;
}

/** The words that the runner starts, as far as they are known here; null for our own loop. */
export function startedWords(
  driver: Driver,
  preset: PresetName | null,
  command: readonly string[],
): readonly string[] | null {
  if (driver === "builtin") return null;
  const own = preset === null ? [] : PRESETS[preset].runs[driver];
  if (command.length === 0) return own;
  const args = own.slice(1);
  const ends = args.every((word, at) => command[command.length - args.length + at] === word);
  return ends ? command : [...command, ...args];
}
