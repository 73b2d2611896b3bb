import type { Parser } from "@lezer/common";

type Load = () => Promise<Parser>;

const script = (dialect: string): Load => {
  return async () => (await import("@lezer/javascript")).parser.configure({ dialect });
};

const LANGUAGES = {
  js: script("jsx"),
  ts: script("ts"),
  tsx: script("ts jsx"),
  rust: async () => (await import("@lezer/rust")).parser,
  python: async () => (await import("@lezer/python")).parser,
  json: async () => (await import("@lezer/json")).parser,
  css: async () => (await import("@lezer/css")).parser,
  html: async () => (await import("@lezer/html")).parser,
  markdown: async () => (await import("@lezer/markdown")).parser,
  go: async () => (await import("@lezer/go")).parser,
  yaml: async () => (await import("@lezer/yaml")).parser,
} satisfies Record<string, Load>;

export type Language = keyof typeof LANGUAGES;

const ENDINGS: Record<string, Language> = {
  js: "js",
  mjs: "js",
  cjs: "js",
  jsx: "js",
  ts: "ts",
  mts: "ts",
  cts: "ts",
  tsx: "tsx",
  rs: "rust",
  py: "python",
  pyi: "python",
  json: "json",
  jsonc: "json",
  css: "css",
  html: "html",
  htm: "html",
  vue: "html",
  svelte: "html",
  md: "markdown",
  markdown: "markdown",
  go: "go",
  yml: "yaml",
  yaml: "yaml",
};

/** By the file's ending: what a file says of itself is an agent's word. */
export function languageOf(path: string): Language | null {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  const ending = dot < 0 ? "" : name.slice(dot + 1).toLowerCase();
  return Object.hasOwn(ENDINGS, ending) ? (ENDINGS[ending] as Language) : null;
}

const loaded = new Map<Language, Promise<Parser>>();

/** Fetches a grammar once; a failed fetch is tried again at the next call. */
export function loadParser(language: Language): Promise<Parser> {
  const known = loaded.get(language);
  if (known) return known;
  const loading = LANGUAGES[language]();
  loaded.set(language, loading);
  loading.catch(() => loaded.delete(language));
  return loading;
}
