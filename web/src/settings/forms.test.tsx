// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Provider, Runner } from "../api";
import { AgentForm } from "./agent-form";
import { NewProjectForm } from "./project-form";
import { ProviderForm } from "./provider-form";

interface Sent {
  method: string;
  path: string;
  body: unknown;
  ifMatch?: string | null;
}

let sent: Sent[] = [];
let answer: { status: number; body: unknown };

beforeEach(() => {
  sent = [];
  answer = { status: 201, body: { id: "new", name: "new" } };
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    const ifMatch = new Headers(init.headers).get("If-Match");
    if (init.method === "GET") {
      return new Response(JSON.stringify(OPENAI), { headers: { ETag: '"seen"' } });
    }
    sent.push({ method: init.method ?? "", path, body: JSON.parse(String(init.body)), ifMatch });
    return new Response(JSON.stringify(answer.body), { status: answer.status });
  });
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const OPENAI: Provider = {
  id: "prv_1",
  name: "work",
  kind: "openai",
  base_url: "https://api.example.org/v1",
  key: { written: 1 },
  model: "m",
  created_at: "2026-11-21T10:00:00Z",
};
const RUNNERS: Runner[] = [];

const type = (label: string | RegExp, text: string) =>
  fireEvent.change(screen.getByLabelText(label), { target: { value: text } });
const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
const send = () => fireEvent.submit(document.querySelector("form") as HTMLFormElement);
const refuse = (status: number, code: string, detail: string, next: string) => {
  answer = { status, body: { type: "", title: "refused", status, code, detail, next } };
};

it("shows the words of a command apart, and wraps what needs a shell", () => {
  const saved = vi.fn();
  render(<AgentForm agent={null} providers={[]} runners={RUNNERS} onSaved={saved} />);
  fireEvent.click(screen.getByRole("radio", { name: "A program" }));
  type(/^Command/, "make && echo 'a b'");
  const words = () =>
    within(screen.getByText("What is started").parentElement as HTMLElement)
      .getAllByRole("listitem")
      .map((item) => item.textContent);
  expect(words()).toEqual(["make", "&&", "echo", "a b"]);
  press("Wrap it in sh -c");
  expect(words()).toEqual(["sh", "-c", "make && echo 'a b'"]);
  expect(screen.queryByText(/means something to a shell/)).toBeNull();
});

it("takes the provider that was added meanwhile", () => {
  const form = (providers: Provider[]) => (
    <AgentForm agent={null} providers={providers} runners={RUNNERS} onSaved={vi.fn()} />
  );
  const { rerender } = render(form([]));
  fireEvent.click(screen.getByRole("radio", { name: "Codex" }));
  expect(screen.getByText("There is no provider that fits.")).toBeTruthy();
  rerender(form([OPENAI]));
  expect(screen.getByLabelText<HTMLSelectElement>(/Model provider/).value).toBe("work");
  expect(screen.queryByText("There is no provider that fits.")).toBeNull();
});

it("opens the lid over a field that is wrong, and sends the whole of an agent", async () => {
  const saved = vi.fn();
  render(<AgentForm agent={null} providers={[OPENAI]} runners={RUNNERS} onSaved={saved} />);
  fireEvent.click(screen.getByRole("radio", { name: "Codex" }));
  type(/^Time limit/, "soon");
  send();
  expect(document.querySelector("details")?.open).toBe(true);
  expect(sent).toEqual([]);
  type(/^Time limit/, "45");
  send();
  await waitFor(() => expect(saved).toHaveBeenCalled());
  expect(sent[0]).toMatchObject({
    method: "POST",
    path: "/api/v1/agents",
    body: { name: "codex", driver: "acp", preset: "codex", provider: "work", timeout_s: 2700 },
  });
});

it("never shows a key that was written, and keeps it unless another one is", async () => {
  const saved = vi.fn();
  render(<ProviderForm provider={OPENAI} onSaved={saved} />);
  expect(document.querySelector('input[type="password"]')).toBeNull();
  type(/^Model/, "m2");
  send();
  await waitFor(() => expect(saved).toHaveBeenCalled());
  expect(sent[0]).toMatchObject({
    method: "PUT",
    path: "/api/v1/providers/prv_1",
    body: { key: "keep", model: "m2" },
    // Of what was looked at alone: lists carry no tags.
    ifMatch: '"seen"',
  });
});

it("asks for the key again when the address changes", () => {
  render(<ProviderForm provider={OPENAI} onSaved={vi.fn()} />);
  type(/^Address/, "https://elsewhere.example/v1");
  send();
  expect(screen.getAllByText(/sealed for the old address/).length).toBeGreaterThan(0);
  expect(sent).toEqual([]);
});

it("shows what a runner said of an endpoint at its address, and keeps the key that was typed", async () => {
  refuse(422, "provider_refused", "the endpoint answered 401", "check the key");
  render(<ProviderForm provider={null} onSaved={vi.fn()} />);
  fireEvent.change(document.querySelector('input[type="password"]') as HTMLElement, {
    target: { value: "sk-1" },
  });
  send();
  expect(await screen.findByText(/The endpoint answered 401. Check the key./)).toBeTruthy();
  expect(screen.getByLabelText(/^Address/).getAttribute("aria-invalid")).toBe("true");
  expect(document.querySelector<HTMLInputElement>('input[type="password"]')?.value).toBe("sk-1");
});

it("shows a refused remote at the remote, and a missing branch at the branch", async () => {
  render(<NewProjectForm onAdded={vi.fn()} />);
  type(/^Git remote/, "git@example.org:team/app.git");
  expect(screen.getByLabelText<HTMLInputElement>(/^Name/).value).toBe("app");
  refuse(422, "remote_refused", "the remote has no branch `x`", "push that branch first");
  type(/^Target branch/, "x");
  send();
  await waitFor(() =>
    expect(screen.getByLabelText(/^Target branch/).getAttribute("aria-invalid")).toBe("true"),
  );
  refuse(422, "remote_refused", "permission denied", "give it credentials");
  send();
  await waitFor(() =>
    expect(screen.getByLabelText(/^Git remote/).getAttribute("aria-invalid")).toBe("true"),
  );
  expect(screen.getByLabelText(/^Target branch/).getAttribute("aria-invalid")).toBeNull();
});
