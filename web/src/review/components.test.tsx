// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Run } from "../api/types";
import type { Decision } from "./decision";
import { DecisionBar } from "./decision-bar";
import { DiffStates } from "./diff-states";
import { type Draft, NO_DRAFTS } from "./drafts";
import { RejectDialog } from "./reject-dialog";
import { ReplyDialog } from "./reply-dialog";
import { CodeText } from "./rows/code-text";

beforeAll(() => {
  // What jsdom lacks and the design system's parts ask for.
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  );
});
afterEach(cleanup);

it("tells a diff without lines from one that did not come", () => {
  const run = { target: "main", state: "waiting" } as Run;
  const props = { run, commit: "c0ffee", state: { kind: "empty" } as never, retry: vi.fn() };
  const { rerender } = render(<DiffStates {...props} same />);
  expect(screen.getByText("No change is left")).toBeTruthy();
  rerender(<DiffStates {...props} same={false} />);
  expect(screen.getByText("The diff is empty")).toBeTruthy();
});

describe("the decision bar", () => {
  const decision: Decision = {
    phase: "decide",
    approve: null,
    reject: null,
    reply: null,
    doubts: [],
  };
  const bar = (over: Partial<Decision>, onApprove = vi.fn()) => {
    render(
      <DecisionBar
        decision={{ ...decision, ...over }}
        comments={2}
        approving={false}
        onApprove={onApprove}
        onReject={vi.fn()}
        onReply={vi.fn()}
        padding={0}
      >
        Lands abc on main
      </DecisionBar>,
    );
    return onApprove;
  };

  it("approves, and counts the comments that a reply would take along", () => {
    const onApprove = bar({});
    fireEvent.click(screen.getByRole("button", { name: "Approve" }));
    expect(onApprove).toHaveBeenCalledOnce();
    expect(screen.getByRole("button", { name: "Reply with 2 comments" })).toBeTruthy();
  });

  it("does nothing while it is off, and stays in reach", () => {
    const onApprove = bar({ approve: "changed" });
    const button = screen.getByRole("button", { name: "Approve" });
    fireEvent.click(button);
    expect(onApprove).not.toHaveBeenCalled();
    expect(button.getAttribute("aria-disabled")).toBe("true");
    expect(button.hasAttribute("disabled")).toBe(false);
  });

  it("offers no decision on what has ended", () => {
    bar({ phase: "landed", approve: "ended", reject: "ended" });
    expect(screen.queryByRole("button", { name: "Approve" })).toBeNull();
    expect(screen.getByRole("button", { name: /^Reply/ })).toBeTruthy();
  });
});

describe("the dialogs", () => {
  it("a rejection needs a reason", () => {
    const onReject = vi.fn();
    render(
      <RejectDialog open onOpenChange={vi.fn()} busy={false} problem={null} onReject={onReject} />,
    );
    fireEvent.click(screen.getByRole("button", { name: "Reject the work" }));
    expect(onReject).not.toHaveBeenCalled();
    expect(screen.getByText("Say in a few words why")).toBeTruthy();
    fireEvent.change(screen.getByLabelText(/Reason/), { target: { value: " Too much " } });
    fireEvent.click(screen.getByRole("button", { name: "Reject the work" }));
    expect(onReject).toHaveBeenCalledWith("Too much");
  });

  it("a reply sends text and comments as one message, by keys too", () => {
    const onSend = vi.fn();
    const draft: Draft = {
      id: "1",
      path: "a.ts",
      side: "new",
      from: 1,
      to: 1,
      quote: ["+x"],
      commit: "c0ffee00aa",
      text: "Why?",
    };
    const props = {
      open: true,
      onOpenChange: vi.fn(),
      commit: "c1",
      ended: false,
      volatile: false,
      busy: false,
      problem: null,
      onGeneral: vi.fn(),
      onDrop: vi.fn(),
      onSend,
    };
    const { rerender } = render(<ReplyDialog {...props} drafts={NO_DRAFTS} />);
    expect(screen.getByRole("button", { name: "Send" }).hasAttribute("disabled")).toBe(true);
    rerender(<ReplyDialog {...props} drafts={{ general: "Hello", comments: [draft] }} />);
    expect(screen.getByText("written on c0ffee00")).toBeTruthy();
    fireEvent.keyDown(screen.getByLabelText("General remarks"), { key: "Enter", ctrlKey: true });
    expect(onSend).toHaveBeenCalledWith(
      "Hello\n\n**`a.ts`, line 1** (as of commit c0ffee00)\n\n```\n+x\n```\n\nWhy?",
    );
  });
});

describe("a line's text", () => {
  it("is shown as text, and what is not seen by its name", () => {
    const { container } = render(
      <CodeText side="added" text={"<b>\u202ex</b>"} marks={[[0, 3]]} />,
    );
    expect(container.querySelector("b")).toBeNull();
    expect(container.textContent).toBe("<b>U+202Ex</b>");
    expect(screen.getByRole("img", { name: /U\+202E/ })).toBeTruthy();
    expect(container.querySelector(".diff-mark-added")?.textContent).toBe("<b>");
  });
});
