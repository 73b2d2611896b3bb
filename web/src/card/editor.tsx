import { type KeyboardEvent, useState } from "react";
import { card as say } from "../strings/card";
import { Button, Callout, Field, FormError, Kbd, Markdown, Tabs, Textarea } from "../ui";
import { BODY_MAX, TITLE_MAX, titleFault } from "./draft";
import { clashes, type Field as Name } from "./edit";
import { EditConflict } from "./edit-conflict";
import type { EditState } from "./use-edit";

/** Title and details, open for writing. */
export function Editor({ state, first }: { state: EditState; first: Name }) {
  const { edit } = state;
  if (!edit) return null;
  const fault = bodyFault(edit.body) ?? titleWords(edit.title);
  const save = () => {
    if (fault === null && !state.saving) state.save();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation();
    save();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Ctrl+Enter of the fields inside.
    <div data-editor onKeyDown={onKeyDown} className="flex flex-col gap-3">
      <Meanwhile state={state} />
      <Field label={say.title} required error={titleWords(edit.title)}>
        <Textarea
          autoFocus={first === "title"}
          rows={1}
          maxRows={8}
          value={edit.title}
          onChange={(event) => state.type("title", event.target.value.replace(/[\r\n]+/g, " "))}
          className="font-semibold"
        />
      </Field>
      <BodyField
        autoFocus={first === "body"}
        value={edit.body}
        onChange={(text) => state.type("body", text)}
      />
      <FormError problem={state.problem} />
      <div className="flex flex-wrap items-center gap-2">
        <Button variant="primary" busy={state.saving} disabled={fault !== null} onClick={save}>
          {say.save}
        </Button>
        <Button variant="ghost" onClick={state.leave}>
          {say.cancel}
        </Button>
        <Kbd keys="mod+enter" className="max-md:hidden" />
      </div>
      {state.theirs && <EditConflict state={state} edit={edit} theirs={state.theirs} />}
    </div>
  );
}

function Meanwhile({ state }: { state: EditState }) {
  const { edit, meanwhile } = state;
  if (!edit || !meanwhile) return null;
  const names = (["title", "body"] as const)
    .filter((field) => meanwhile[field] !== edit.base[field])
    .map((field) => say.meanwhile.fields[field]);
  if (names.length === 0) return null;
  const what = names.length === 2 ? say.meanwhile.both : (names[0] ?? "");
  const clash = clashes(edit, meanwhile).length > 0;
  return (
    <Callout
      tone="warn"
      title={say.meanwhile.title}
      action={
        clash ? (
          <Button size="sm" onClick={state.compare}>
            {say.conflict.merge}
          </Button>
        ) : undefined
      }
    >
      {clash ? say.meanwhile.title_other(what) : say.meanwhile.noClash(what)}
    </Callout>
  );
}

export function BodyField({
  value,
  onChange,
  autoFocus = false,
  rows = 8,
}: {
  value: string;
  onChange: (text: string) => void;
  autoFocus?: boolean;
  rows?: number;
}) {
  const [view, setView] = useState<"write" | "preview">("write");
  const fault = bodyFault(value);
  return (
    <Tabs
      label={say.body}
      value={view}
      onValueChange={setView}
      items={[
        {
          value: "write",
          label: say.write,
          content: (
            <Field label={say.body} labelHidden hint={say.bodyHint} error={fault}>
              <Textarea
                autoFocus={autoFocus}
                rows={rows}
                maxRows={24}
                value={value}
                onChange={(event) => onChange(event.target.value)}
                className="font-mono text-sm"
              />
            </Field>
          ),
        },
        {
          value: "preview",
          label: say.preview,
          content:
            value.trim() === "" ? (
              <p className="text-faint">{say.previewEmpty}</p>
            ) : (
              <Markdown text={value} className="min-h-40" />
            ),
        },
      ]}
    />
  );
}

export function titleWords(title: string): string | null {
  switch (titleFault(title)) {
    case "empty":
      return say.titleEmpty;
    case "long":
      return say.titleLong(Array.from(title).length, TITLE_MAX);
    case null:
      return null;
  }
}

function bodyFault(body: string): string | null {
  return body.length > BODY_MAX ? say.bodyLong : null;
}
