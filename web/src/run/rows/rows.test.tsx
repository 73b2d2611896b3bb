// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import type { RunEvent } from "../event";
import { trimmed } from "../event";
import { MessageRow, PlanRow, ToolRow } from "./agent-rows";
import { OutputRow } from "./output-row";
import { CheckRow, OtherRow, RunRow, StepRow } from "./run-rows";

afterEach(cleanup);

function event(type: string, payload: unknown, seq = 1): RunEvent {
  return { seq, ts: "2026-01-01T00:00:00Z", type, payload };
}

const HOSTILE = '<img src=x onerror="alert(1)"> \u001b]0;owned\u0007<script>alert(1)</script>';

test("what an agent wrote is text, whatever it looks like", () => {
  const { container } = render(
    <>
      <MessageRow events={[event("agent.message", { text: HOSTILE })]} />
      <ToolRow
        event={event("agent.tool", { id: "1", title: HOSTILE, paths: [HOSTILE] })}
        latest={event("agent.tool", { id: "1", title: HOSTILE, paths: ["a"], status: "failed" })}
      />
      <PlanRow
        event={event("agent.plan", { entries: [{ content: HOSTILE, status: "pending" }] })}
      />
      <OutputRow
        events={[event("output", { step: "agent", stream: "stdout", text: HOSTILE })]}
        onOpenOutput={() => undefined}
      />
      <CheckRow event={event("check.finished", { name: HOSTILE, state: "passed" })} />
      <OtherRow event={event("future.kind", { text: HOSTILE })} />
    </>,
  );
  expect(container.querySelector("img, script, a, iframe")).toBeNull();
  expect(container.textContent).toContain("<script>alert(1)</script>");
  expect(container.querySelector("pre")?.textContent).not.toContain("owned");
});

test("a payload that is nothing breaks no row", () => {
  for (const payload of [null, 7, "x", [], {}, { entries: "no", paths: 3, text: {} }]) {
    render(
      <>
        <RunRow event={event("run.failed", payload)} />
        <StepRow event={event("step.finished", payload)} />
        <PlanRow event={event("agent.plan", payload)} />
        <ToolRow event={event("agent.tool", payload)} latest={event("agent.tool", payload)} />
        <OutputRow events={[event("output", payload)]} onOpenOutput={() => undefined} />
      </>,
    );
    cleanup();
  }
});

test("a long block unfolds and folds; what is cut leads to the output", () => {
  const text = Array.from({ length: 3_000 }, (_, at) => `line ${at}`).join("\n");
  const open = vi.fn();
  const cut = trimmed(event("output", { step: "agent", stream: "stdout", text }, 9));
  const { container } = render(<OutputRow events={[cut]} onOpenOutput={open} />);
  expect(container.textContent).toContain("line 0");
  expect(container.textContent).toContain("line 2999");
  expect(container.textContent).not.toContain("line 100\n");
  fireEvent.click(screen.getByRole("button", { name: /more line/ }));
  expect(container.textContent).toContain("line 100\n");
  fireEvent.click(screen.getByRole("button", { name: "Show less" }));
  expect(container.textContent).not.toContain("line 100\n");
  fireEvent.click(screen.getByRole("button", { name: "Open in Output" }));
  expect(open).toHaveBeenCalledWith(cut);
});

test("a reason is said in words, with what to do", () => {
  const { container } = render(
    <RunRow event={event("run.failed", { reason: "setup_failed", attempt: 2 })} />,
  );
  expect(container.textContent).toContain("The setup command failed.");
  expect(container.textContent).toContain("attempt 2");
  cleanup();
  const unknown = render(<RunRow event={event("run.failed", { reason: "moon_phase" })} />);
  expect(unknown.container.textContent).toContain("moon phase");
});
