import { describe, expect, it } from "vitest";
import {
  type AgentDraft,
  agentBody,
  agentDraft,
  agentFaults,
  emptyAgent,
  withDriver,
  withPreset,
} from "./agent-draft";
import { startedWords } from "./presets";

const OPENAI = { name: "work", kind: "openai", model: "m" };
const ANTHROPIC = { name: "anthro", kind: "anthropic", model: "m" };
const MODELLESS = { name: "bare", kind: "openai", model: null };

const draft = (over: Partial<AgentDraft>): AgentDraft => ({ ...emptyAgent(), name: "a", ...over });

describe("agentFaults", () => {
  it("asks for what the driver needs", () => {
    expect(agentFaults(draft({ driver: "command" }), [])).toEqual({ command: "command_needed" });
    expect(agentFaults(draft({ driver: "acp" }), [])).toEqual({ command: "command_needed" });
    expect(agentFaults(draft({ driver: "acp", preset: "codex" }), [])).toEqual({});
    expect(agentFaults(draft({ driver: "builtin" }), [])).toEqual({ provider: "provider_needed" });
    expect(agentFaults(draft({ driver: "builtin", provider: "work" }), [OPENAI])).toEqual({});
    expect(agentFaults(draft({ driver: "command", command: "make" }), [])).toEqual({});
  });

  it("says before the run when a preset and a provider do not fit", () => {
    const codex = draft({ preset: "codex", provider: "anthro" });
    expect(agentFaults(codex, [ANTHROPIC])).toEqual({ provider: "provider_kind" });
    expect(agentFaults(codex, [])).toEqual({ provider: "provider_gone" });
    expect(agentFaults({ ...codex, provider: "bare" }, [MODELLESS])).toEqual({
      provider: "provider_model",
    });
    expect(agentFaults(draft({ preset: "gemini", provider: "work" }), [OPENAI])).toEqual({
      provider: "provider_kind",
    });
    const own = draft({ driver: "command", command: "x", provider: "bare" });
    expect(agentFaults(own, [MODELLESS])).toEqual({});
  });

  it("names each field that is wrong", () => {
    const wrong = draft({
      name: "a b",
      driver: "command",
      command: "sh -c 'x",
      labels: "gpu",
      paths: "opt",
      timeout: "8d",
      stall: "x",
    });
    expect(agentFaults(wrong, [])).toEqual({
      name: "name_shape",
      command: "command_quote_single",
      labels: "label_shape",
      paths: "path_relative",
      timeout: "limit_range",
      stall: "limit_shape",
    });
    const long = draft({ driver: "command", command: "x ".repeat(257) });
    expect(agentFaults(long, [])).toEqual({ command: "command_long" });
  });
});

describe("agentBody", () => {
  it("is what the API takes", () => {
    const body = agentBody(
      draft({
        driver: "command",
        command: "sh -c 'cargo fmt'",
        labels: "gpu=a100",
        paths: "/opt/x",
        timeout: "30m",
      }),
    );
    expect(body).toEqual({
      name: "a",
      driver: "command",
      preset: null,
      provider: null,
      command: ["sh", "-c", "cargo fmt"],
      labels: { gpu: "a100" },
      paths: ["/opt/x"],
      timeout_s: 1800,
      stall_s: 600,
      isolation: "sandbox",
      image: null,
      limits: {},
      tools: false,
      repository_settings: false,
    });
  });

  it("gives an agent that is there back as it was", () => {
    const agent = {
      name: "fixer",
      driver: "command",
      preset: null,
      provider: "work",
      command: ["sh", "-c", 'it\'s "here"'],
      labels: { gpu: "a100", os: "linux" },
      paths: ["/opt/my agent"],
      timeout_s: 5400,
      stall_s: 90,
      isolation: "container",
      image: "debian@sha256:00",
      limits: { memory: 1_073_741_824 },
      tools: true,
      repository_settings: true,
    };
    expect(agentBody(agentDraft(agent))).toEqual(agent);
  });

  it("leaves no image with another isolation", () => {
    const own = draft({ driver: "command", command: "x", image: "debian", isolation: "vm" });
    expect(agentBody(own)).toMatchObject({ isolation: "vm", image: null });
    expect(agentFaults(draft({ ...own, isolation: "container", image: "a b" }), [])).toEqual({
      image: "image_shape",
    });
  });

  it("leaves no program with our own loop", () => {
    const own = withDriver(draft({ name: "", driver: "command", command: "make" }), "builtin", [
      OPENAI,
    ]);
    expect(own).toMatchObject({ name: "worker", command: "", provider: "work" });
    expect(agentBody({ ...own, command: "left over" }).command).toEqual([]);
  });
});

describe("withPreset", () => {
  it("fills in what the preset brings and keeps what was typed", () => {
    expect(withPreset(emptyAgent(), "claude", [OPENAI, ANTHROPIC])).toMatchObject({
      name: "claude",
      driver: "command",
      provider: "anthro",
    });
    expect(withPreset(draft({ name: "mine", provider: "work" }), "codex", [OPENAI])).toMatchObject({
      name: "mine",
      provider: "work",
    });
    expect(
      withPreset(draft({ name: "claude", provider: "work" }), "gemini", [OPENAI]),
    ).toMatchObject({
      name: "gemini",
      provider: "",
    });
  });
});

describe("startedWords", () => {
  it("is the preset's own program, or the given one with the preset's arguments", () => {
    expect(startedWords("acp", "opencode", [])).toEqual(["opencode", "acp"]);
    expect(startedWords("acp", "opencode", ["/opt/oc/opencode"])).toEqual([
      "/opt/oc/opencode",
      "acp",
    ]);
    expect(startedWords("acp", "opencode", ["/opt/oc/opencode", "acp"])).toEqual([
      "/opt/oc/opencode",
      "acp",
    ]);
    expect(startedWords("command", null, ["make"])).toEqual(["make"]);
    expect(startedWords("builtin", null, [])).toBeNull();
  });
});
