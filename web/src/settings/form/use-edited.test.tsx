// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { api } from "../../api";
import { Field, Input } from "../../ui";
import { Form } from "./form";
import { MeanwhileDialog } from "./meanwhile";
import { useEdited } from "./use-edited";

interface Draft {
  name: string;
  target: string;
}
type Thing = Draft & { id: string };

/** A server that keeps one project and its tag, as RFC 9110 has it. */
class Place {
  thing: Thing = { id: "p", name: "a", target: "main" };
  version = 1;
  writes: { body: Partial<Draft>; ifMatch: string | null }[] = [];

  change(by: Partial<Draft>): void {
    this.thing = { ...this.thing, ...by };
    this.version += 1;
  }

  async answer(_path: string, init: RequestInit): Promise<Response> {
    if (init.method === "PATCH") {
      const ifMatch = new Headers(init.headers).get("If-Match");
      const body = JSON.parse(String(init.body)) as Partial<Draft>;
      this.writes.push({ body, ifMatch });
      if (ifMatch !== null && ifMatch !== `"${this.version}"`) {
        const problem = {
          type: "",
          title: "stale",
          status: 412,
          code: "stale",
          detail: "",
          next: "",
        };
        return new Response(JSON.stringify(problem), { status: 412 });
      }
      this.change(body);
    }
    return new Response(JSON.stringify(this.thing), { headers: { ETag: `"${this.version}"` } });
  }
}

let place: Place;
beforeEach(() => {
  place = new Place();
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => place.answer(path, init));
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const look = () =>
  api.get("/projects/{project}", { path: { project: "p" } }) as unknown as Promise<Thing>;
const draftOf = ({ name, target }: Thing): Draft => ({ name, target });

function Sample({ seen, onSaved }: { seen: Thing; onSaved: (thing: Thing) => void }) {
  const edited = useEdited<Draft, Thing>({
    seen,
    empty: draftOf(seen),
    draftOf,
    look,
    add: look,
    save: (body, { id }, ifMatch) =>
      api.patch("/projects/{project}", {
        path: { project: id },
        body,
        ifMatch,
      }) as unknown as Promise<Thing>,
    onSaved(saved) {
      edited.follow(saved);
      onSaved(saved);
    },
    faults: () => ({}),
  });
  const { form } = edited;
  return (
    <>
      <MeanwhileDialog edited={edited} names={{ name: "Name", target: "Target" }} />
      <Form form={form} names={{}} submit="Save">
        {(["name", "target"] as const).map((field) => (
          <Field key={field} label={field}>
            <Input
              value={form.draft[field]}
              onChange={(event) => form.set(field, event.target.value)}
            />
          </Field>
        ))}
      </Form>
    </>
  );
}

const box = (label: string) => screen.getByLabelText<HTMLInputElement>(label);
const type = (label: string, text: string) =>
  fireEvent.change(box(label), { target: { value: text } });
const save = () => fireEvent.submit(document.querySelector("form") as HTMLFormElement);
const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
const rows = () =>
  screen
    .getAllByRole("row")
    .map((row) => [...row.querySelectorAll("th, td")].map((cell) => cell.textContent));

async function opened() {
  const saved = vi.fn();
  render(<Sample seen={await look()} onSaved={saved} />);
  return saved;
}

it("sends the tag of what was seen, and after saving the tag of what was saved", async () => {
  const saved = await opened();
  type("name", "b");
  save();
  await waitFor(() => expect(saved).toHaveBeenCalledTimes(1));
  type("name", "c");
  save();
  await waitFor(() => expect(saved).toHaveBeenCalledTimes(2));
  expect(place.writes.map(({ ifMatch }) => ifMatch)).toEqual(['"1"', '"2"']);
});

it("shows what somebody else changed, and keeps mine where the person says so", async () => {
  const saved = await opened();
  type("name", "mine");
  place.change({ name: "theirs", target: "next" });
  save();
  expect(
    await screen.findByRole("heading", { name: "Somebody changed it meanwhile" }),
  ).toBeTruthy();
  expect(rows().slice(1)).toEqual([
    ["Name", "a", "theirs", "mine"],
    ["Target", "main", "next", "not changed"],
  ]);
  // Nothing was written yet.
  expect(place.thing.name).toBe("theirs");
  press("Keep mine");
  await waitFor(() => expect(saved).toHaveBeenCalled());
  // Theirs stays where mine said nothing.
  expect(place.thing).toMatchObject({ name: "mine", target: "next" });
  expect(place.writes.at(-1)?.ifMatch).toBe('"2"');
});

it("takes theirs where the person says so, and loses nothing that only they typed", async () => {
  await opened();
  type("name", "mine");
  type("target", "other");
  place.change({ name: "theirs" });
  save();
  await screen.findByRole("heading", { name: "Somebody changed it meanwhile" });
  press("Take theirs");
  await waitFor(() => expect(box("name").value).toBe("theirs"));
  expect(box("target").value).toBe("other");
  expect(place.thing).toMatchObject({ name: "theirs", target: "main" });
});

it("closing it leaves everything as it was typed, and saving asks again", async () => {
  await opened();
  type("name", "mine");
  place.change({ name: "theirs" });
  save();
  await screen.findByRole("heading", { name: "Somebody changed it meanwhile" });
  press("Close");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(box("name").value).toBe("mine");
  save();
  expect(
    await screen.findByRole("heading", { name: "Somebody changed it meanwhile" }),
  ).toBeTruthy();
  expect(place.thing.name).toBe("theirs");
});

it("what came from a list is looked at alone, and an old list is found out", async () => {
  const saved = vi.fn();
  // As a list has it: without a tag, and of before.
  const listed = { ...place.thing };
  place.change({ target: "next" });
  render(<Sample seen={listed} onSaved={saved} />);
  type("name", "mine");
  save();
  expect(await screen.findByText(/You changed other fields/)).toBeTruthy();
  expect(place.writes).toEqual([]);
  press("Save both");
  await waitFor(() => expect(saved).toHaveBeenCalled());
  expect(place.thing).toMatchObject({ name: "mine", target: "next" });
});
