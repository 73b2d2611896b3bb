// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { ProblemError } from "../../api/problem";
import { Field, Input } from "../../ui";
import { errorAt, Form } from "./form";
import { useForm } from "./use-form";

afterEach(cleanup);

interface Draft {
  name: string;
  note: string;
}

const TAKEN = new ProblemError({
  type: "about:blank",
  title: "the name is taken",
  status: 409,
  code: "exists",
  detail: "the name `a` is taken",
  next: "choose another name",
});

function Sample({ send }: { send: (draft: Draft) => Promise<unknown> }) {
  const form = useForm<Draft>({
    initial: { name: "", note: "" },
    faults: (draft) => (draft.name === "" ? { name: "Give it a name." } : {}),
    fieldOf: (problem) =>
      problem instanceof ProblemError && problem.problem.code === "exists" ? "name" : null,
    send,
  });
  return (
    <Form form={form} names={{ name: "Name" }} submit="Send" status="Under way">
      <Field label="Name" error={errorAt(form, "name")}>
        <Input
          value={form.draft.name}
          onChange={(event) => form.set("name", event.target.value)}
          onBlur={() => form.left("name")}
        />
      </Field>
      <Field label="Note">
        <Input value={form.draft.note} onChange={(event) => form.set("note", event.target.value)} />
      </Field>
    </Form>
  );
}

const name = () => screen.getByLabelText<HTMLInputElement>("Name");
const button = () => screen.getByRole("button", { name: "Send" });
const type = (text: string) => fireEvent.change(name(), { target: { value: text } });
const submit = () => fireEvent.submit(name().closest("form") as HTMLFormElement);

it("says what is wrong when a field is left or the form is sent, and sends nothing", async () => {
  const send = vi.fn(() => Promise.resolve());
  render(<Sample send={send} />);
  expect(screen.queryByText("Give it a name.")).toBeNull();
  fireEvent.blur(name());
  expect(screen.getByText("Give it a name.")).toBeTruthy();
  submit();
  expect(screen.getByRole("alert").textContent).toContain("Name: Give it a name.");
  await waitFor(() => expect(document.activeElement).toBe(name()));
  expect(send).not.toHaveBeenCalled();
});

it("moves nothing under a pointer that is down", async () => {
  render(<Sample send={() => Promise.resolve()} />);
  fireEvent.pointerDown(button());
  fireEvent.blur(name());
  expect(screen.queryByText("Give it a name.")).toBeNull();
  fireEvent.pointerUp(button());
  expect(await screen.findByText("Give it a name.")).toBeTruthy();
});

it("sends once, however often it is pressed, and says that it is under way", async () => {
  let done = () => {};
  const send = vi.fn(() => new Promise<void>((resolve) => (done = resolve)));
  render(<Sample send={send} />);
  type("a");
  submit();
  submit();
  fireEvent.click(button());
  expect(send).toHaveBeenCalledTimes(1);
  expect(screen.getByText("Under way")).toBeTruthy();
  expect(button().getAttribute("aria-disabled")).toBe("true");
  await act(async () => done());
  submit();
  expect(send).toHaveBeenCalledTimes(2);
});

it("shows a refusal at the field that it is about, and keeps what was typed", async () => {
  render(<Sample send={() => Promise.reject(TAKEN)} />);
  type("a");
  submit();
  expect(await screen.findByText(/The name `a` is taken. Choose another name./)).toBeTruthy();
  expect(name().value).toBe("a");
  expect(name().getAttribute("aria-invalid")).toBe("true");
  type("b");
  expect(screen.queryByText(/is taken/)).toBeNull();
});

it("shows any other failure for the form as a whole", async () => {
  render(<Sample send={() => Promise.reject(new Error("it broke"))} />);
  type("a");
  submit();
  expect((await screen.findByRole("alert")).textContent).toMatch(/it broke/i);
  expect(name().getAttribute("aria-invalid")).toBeNull();
});
