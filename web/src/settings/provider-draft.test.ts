import { describe, expect, it } from "vitest";
import {
  emptyProvider,
  type ProviderDraft,
  type ProviderView,
  providerBody,
  providerDraft,
  providerFaults,
  withKind,
} from "./provider-draft";

const draft = (over: Partial<ProviderDraft>): ProviderDraft => ({
  ...emptyProvider(),
  name: "work",
  ...over,
});

const WRITTEN: ProviderView = {
  name: "work",
  kind: "openai",
  base_url: "https://api.example.org/v1",
  key: { written: 2 },
  model: "m",
};

describe("providerFaults", () => {
  it("looks at the chosen way to the key alone", () => {
    expect(providerFaults(draft({ key: "none" }), null)).toEqual({});
    expect(providerFaults(draft({ key: "env", variable: "sk-secret" }), null)).toEqual({
      variable: "variable_shape",
    });
    expect(providerFaults(draft({ key: "file", file: "key" }), null)).toEqual({
      file: "path_relative",
    });
    expect(providerFaults(draft({ key: "file", file: " " }), null)).toEqual({ file: "path_empty" });
    expect(providerFaults(draft({ key: "write" }), null)).toEqual({ secret: "secret_empty" });
    expect(providerFaults(draft({ key: "write", secret: "a b" }), null)).toEqual({
      secret: "secret_blank",
    });
    expect(providerFaults(draft({ key: "write", secret: " sk-1\n" }), null)).toEqual({});
    expect(providerFaults(draft({ key: "write", secret: "x".repeat(65_537) }), null)).toEqual({
      secret: "secret_long",
    });
  });

  it("names the other fields that are wrong", () => {
    expect(
      providerFaults(draft({ key: "none", name: "", address: "nowhere", model: "-x" }), null),
    ).toEqual({
      name: "name_empty",
      address: "address_shape",
      model: "model_shape",
    });
  });

  it("does not keep a written key for another address", () => {
    const kept = providerDraft(WRITTEN);
    expect(providerFaults(kept, WRITTEN)).toEqual({});
    const moved = { ...kept, address: "https://elsewhere.example/v1" };
    expect(providerFaults(moved, WRITTEN)).toEqual({ key: "key_moved" });
    expect(providerFaults({ ...moved, key: "write", secret: "sk-1" }, WRITTEN)).toEqual({});
  });
});

describe("providerBody", () => {
  it("sends a key only where one was written", () => {
    const typed = { secret: "sk-typed", variable: "A", file: "/f" };
    expect(providerBody(draft({ ...typed, key: "none" })).key).toBe("none");
    expect(providerBody(draft({ ...typed, key: "env" })).key).toEqual({ env: "A" });
    expect(providerBody(draft({ ...typed, key: "file" })).key).toEqual({ file: "/f" });
    expect(providerBody(draft({ ...typed, key: "write", secret: " sk-1\n" })).key).toEqual({
      write: "sk-1",
    });
    expect(providerBody(providerDraft(WRITTEN))).toEqual({ ...WRITTEN, key: "keep" });
  });

  it("has no model where none was typed", () => {
    expect(providerBody(draft({ model: "  " })).model).toBeNull();
  });
});

describe("withKind", () => {
  it("changes what was proposed and keeps what was typed", () => {
    expect(withKind(emptyProvider("openai"), "ollama")).toMatchObject({
      name: "ollama",
      address: "http://127.0.0.1:11434",
      key: "none",
    });
    const typed = draft({ address: "https://mine.example/v1", key: "env" });
    expect(withKind(typed, "anthropic")).toMatchObject({
      name: "work",
      address: "https://mine.example/v1",
      variable: "ANTHROPIC_API_KEY",
      key: "env",
    });
  });
});
