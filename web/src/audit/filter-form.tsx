import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { peopleQueries } from "../api";
import type { AuditSearch } from "../app/search";
import { shortId } from "../lib/text";
import { audit } from "../strings/audit";
import { Button, Field, Input, Select } from "../ui";
import { ACTIONS, cleaned, isBackwards, isFiltered } from "./filter";

const words = audit.filter;

interface FilterFormProps {
  search: AuditSearch;
  onSearch: (search: AuditSearch) => void;
}

/** What to look for. It is sent, not looked for while one types: each look is a request. */
export function FilterForm({ search, onSearch }: FilterFormProps) {
  const members = useQuery(peopleQueries.members());
  const actions = useId();
  const [draft, setDraft] = useState({
    actor: search.actor ?? "",
    action: search.action ?? "",
    resource: search.resource ?? "",
    since: search.since ?? "",
    until: search.until ?? "",
  });
  const set = (field: keyof typeof draft) => (value: string) =>
    setDraft((before) => ({ ...before, [field]: value }));
  const next = cleaned(draft);
  const backwards = isBackwards(next);
  const known = (members.data ?? []).map(({ user, name }) => ({ value: user, label: name }));
  // Tokens and runners act as well, and people who left.
  if (draft.actor !== "" && !known.some(({ value }) => value === draft.actor)) {
    known.push({ value: draft.actor, label: words.other(shortId(draft.actor)) });
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!backwards) onSearch(next);
  }

  return (
    // biome-ignore lint/a11y/useSemanticElements: the search element is not known to all browsers.
    <form
      role="search"
      aria-label={words.label}
      onSubmit={submit}
      className="grid gap-3 rounded-lg border border-line bg-surface p-3 sm:grid-cols-2 lg:grid-cols-3"
    >
      <Field label={words.actor}>
        <Select
          value={draft.actor}
          onValueChange={set("actor")}
          options={[{ value: "", label: words.anybody }, ...known]}
        />
      </Field>
      <Field label={words.action} hint={words.actionHint}>
        <Input
          list={actions}
          value={draft.action}
          onChange={(event) => set("action")(event.target.value)}
          spellCheck={false}
          autoCapitalize="none"
        />
      </Field>
      <datalist id={actions}>
        {ACTIONS.map((action) => (
          <option key={action} value={action} />
        ))}
      </datalist>
      <Field label={words.resource}>
        <Input
          value={draft.resource}
          onChange={(event) => set("resource")(event.target.value)}
          spellCheck={false}
          autoCapitalize="none"
          className="font-mono text-sm"
        />
      </Field>
      <Field label={words.since}>
        <Input
          type="date"
          value={draft.since}
          onChange={(event) => set("since")(event.target.value)}
        />
      </Field>
      <Field label={words.until} error={backwards ? words.wrongOrder : undefined}>
        <Input
          type="date"
          value={draft.until}
          onChange={(event) => set("until")(event.target.value)}
        />
      </Field>
      <div className="flex flex-wrap items-end gap-2">
        <Button type="submit" variant="primary">
          {words.search}
        </Button>
        {isFiltered(search) && (
          <Button variant="ghost" onClick={() => onSearch({})}>
            {words.clear}
          </Button>
        )}
      </div>
    </form>
  );
}
