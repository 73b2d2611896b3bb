import type { Key, NewKey } from "../api/types";
import type { ProviderKind } from "./presets";
import { endpointFault, modelFault, nameFault, pathFault, variableFault } from "./rules";

/** What a person chooses between. `keep` is there only for a key that was written before. */
export const KEY_CHOICES = ["none", "env", "file", "write", "keep"] as const;
export type KeyChoice = (typeof KEY_CHOICES)[number];

export interface ProviderDraft {
  name: string;
  kind: ProviderKind;
  address: string;
  model: string;
  key: KeyChoice;
  variable: string;
  file: string;
  secret: string;
}

export interface ProviderView {
  name: string;
  kind: string;
  base_url: string;
  key: Key;
  model?: string | null;
}

export interface ProviderBody {
  name: string;
  kind: ProviderKind;
  base_url: string;
  key: NewKey;
  model: string | null;
}

/** Where the makers' own endpoints are, and the variable that their clients read the key from. */
export const KIND_DEFAULTS: Record<
  ProviderKind,
  { address: string; variable: string; key: KeyChoice }
> = {
  openai: { address: "https://api.openai.com/v1", variable: "OPENAI_API_KEY", key: "write" },
  anthropic: { address: "https://api.anthropic.com", variable: "ANTHROPIC_API_KEY", key: "write" },
  ollama: { address: "http://127.0.0.1:11434", variable: "", key: "none" },
};

/** Longest key: what a runner reads from a file. */
const SECRET_MAX = 64 * 1024;

export function emptyProvider(kind: ProviderKind = "openai"): ProviderDraft {
  const known = KIND_DEFAULTS[kind];
  return {
    name: kind,
    kind,
    address: known.address,
    model: "",
    key: known.key,
    variable: known.variable,
    file: "",
    secret: "",
  };
}

export function providerDraft(provider: ProviderView): ProviderDraft {
  const key = provider.key;
  const kind = isKind(provider.kind) ? provider.kind : "openai";
  const draft: ProviderDraft = {
    name: provider.name,
    kind,
    address: provider.base_url,
    model: provider.model ?? "",
    key: "none",
    variable: "",
    file: "",
    secret: "",
  };
  if (key === "none") return draft;
  if ("env" in key) return { ...draft, key: "env", variable: key.env };
  if ("file" in key) return { ...draft, key: "file", file: key.file };
  return { ...draft, key: "keep" };
}

function isKind(kind: string): kind is ProviderKind {
  return Object.hasOwn(KIND_DEFAULTS, kind);
}

/** The draft after another kind was chosen: what still says the old kind's default says the new one's. */
export function withKind(draft: ProviderDraft, kind: ProviderKind): ProviderDraft {
  const [old, next] = [KIND_DEFAULTS[draft.kind], KIND_DEFAULTS[kind]];
  const same = <T>(value: T, before: T, after: T) => (value === before ? after : value);
  return {
    ...draft,
    kind,
    name: same<string>(draft.name, draft.kind, kind),
    address: same(draft.address, old.address, next.address),
    variable: same(draft.variable, old.variable, next.variable),
    key: same(draft.key, old.key, next.key),
  };
}

export type ProviderField = keyof ProviderDraft;
export type ProviderFault =
  | NonNullable<ReturnType<typeof nameFault>>
  | NonNullable<ReturnType<typeof endpointFault>>
  | NonNullable<ReturnType<typeof variableFault>>
  | "path_relative"
  | "path_empty"
  | "model_shape"
  | "secret_empty"
  | "secret_blank"
  | "secret_long"
  | "key_moved";
export type ProviderFaults = Partial<Record<ProviderField, ProviderFault>>;

/** What is wrong with the draft, by field. `before` is the provider that is being changed. */
export function providerFaults(draft: ProviderDraft, before: ProviderView | null): ProviderFaults {
  const faults: ProviderFaults = {};
  const say = (field: ProviderField, fault: ProviderFault | null) => {
    if (fault !== null) faults[field] = fault;
  };
  say("name", nameFault(draft.name));
  say("address", endpointFault(draft.address));
  say("model", modelFault(draft.model.trim()));
  if (draft.key === "env") say("variable", variableFault(draft.variable));
  if (draft.key === "file") say("file", pathFault(draft.file.trim()));
  if (draft.key === "write") say("secret", secretFault(draft.secret.trim()));
  // A written key is sealed for its address, so that nobody can send it to another one.
  if (draft.key === "keep" && before !== null && draft.address.trim() !== before.base_url) {
    say("key", "key_moved");
  }
  return faults;
}

function secretFault(secret: string): ProviderFault | null {
  if (secret === "") return "secret_empty";
  if (secret.length > SECRET_MAX) return "secret_long";
  return /[\s\p{Cc}]/u.test(secret) ? "secret_blank" : null;
}

/** The draft as the API takes it. Only for a draft without faults. */
export function providerBody(draft: ProviderDraft): ProviderBody {
  const model = draft.model.trim();
  return {
    name: draft.name,
    kind: draft.kind,
    base_url: draft.address.trim(),
    key: newKey(draft),
    model: model === "" ? null : model,
  };
}

function newKey(draft: ProviderDraft): NewKey {
  switch (draft.key) {
    case "env":
      return { env: draft.variable };
    case "file":
      return { file: draft.file.trim() };
    case "write":
      return { write: draft.secret.trim() };
    default:
      return draft.key;
  }
}
