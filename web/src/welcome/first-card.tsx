import { useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { keys } from "../api/queries";
import { type Wish, wish } from "../card/once";
import { createCard } from "../card/requests";
import { errorAt, Form } from "../settings/form/form";
import { Unsaved } from "../settings/form/unsaved";
import { useForm } from "../settings/form/use-form";
import { welcome as words } from "../strings/welcome";
import { Field, Input, Textarea } from "../ui";

/** The server's own bound on a title. */
const TITLE_MAX = 500;

interface CardDraft {
  title: string;
  body: string;
}

export function FirstCard({ project }: { project: string }) {
  const client = useQueryClient();
  const once = useRef<Wish | null>(null);
  const text = words.card;
  const form = useForm<CardDraft>({
    initial: { title: text.exampleTitle, body: text.exampleBody },
    faults: ({ title }) => {
      if (title.trim() === "") return { title: text.titleEmpty };
      return [...title.trim()].length > TITLE_MAX ? { title: text.titleLong } : {};
    },
    send: async (draft) => {
      const request = { project, title: draft.title.trim(), body: draft.body, depends: [] };
      // A second press after an answer that was lost makes no second card.
      once.current = wish(once.current, request);
      await createCard(request, once.current.key);
      await client.invalidateQueries({ queryKey: keys.cards(project) });
    },
  });
  const { draft } = form;
  return (
    <div className="flex flex-col gap-3">
      <p className="text-muted">{words.steps.card.body}</p>
      <Unsaved dirty={form.dirty} />
      <Form form={form} names={{ title: text.titleLabel }} submit={words.steps.card.submit}>
        <Field label={text.titleLabel} error={errorAt(form, "title")} required>
          <Input
            dir="auto"
            value={draft.title}
            onChange={(event) => form.set("title", event.target.value)}
            onBlur={() => form.left("title")}
          />
        </Field>
        <Field label={text.bodyLabel}>
          <Textarea
            value={draft.body}
            rows={3}
            onChange={(event) => form.set("body", event.target.value)}
          />
        </Field>
      </Form>
    </div>
  );
}
