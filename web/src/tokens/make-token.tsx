import { useEffect, useState } from "react";
import { isProblem, type Me, type Role, type TokenMade } from "../api";
import { sentences } from "../settings/faults";
import { errorAt, Form } from "../settings/form/form";
import { FormDialog } from "../settings/form/form-dialog";
import { useForm } from "../settings/form/use-form";
import { nameFault } from "../settings/rules";
import { ShownOnce } from "../settings/shown-once";
import { people, roles } from "../strings/people";
import { settings } from "../strings/settings";
import { scopes as texts, tokens } from "../strings/tokens";
import { Button, Checkbox, Field, Input, Select } from "../ui";
import { makeToken } from "./calls";
import { DAYS, DAYS_USUAL, type Kind, offered, rolesFor, type TokenScope, useless } from "./scopes";

const words = tokens.form;

interface MakeTokenProps {
  kind: Kind;
  me: Me;
  onMade: () => void;
  onClose: () => void;
}

/** Makes a token, and shows it once. It is kept in this dialog alone. */
export function MakeToken(props: MakeTokenProps) {
  const [made, setMade] = useState<TokenMade | null>(null);
  const { kind, onClose } = props;
  if (made !== null) {
    const title = tokens.made.title(made.about.name);
    return <ShownOnce title={title} secret={made.token} words={tokens.made} onClose={onClose} />;
  }
  return (
    <FormDialog size="lg" title={tokens[kind].dialog} onClose={onClose}>
      {(changed) => (
        <Fields
          {...props}
          onChanged={changed}
          onMade={(token) => {
            changed(false);
            props.onMade();
            setMade(token);
          }}
        />
      )}
    </FormDialog>
  );
}

interface Draft {
  name: string;
  scopes: readonly TokenScope[];
  /** Empty: what its person is at the time. */
  role: Role | "";
  days: string;
}

interface FieldsProps extends Omit<MakeTokenProps, "onMade"> {
  onChanged: (dirty: boolean) => void;
  onMade: (made: TokenMade) => void;
}

function Fields({ kind, me, onChanged, onMade, onClose }: FieldsProps) {
  const form = useForm<Draft>({
    initial: {
      name: "",
      scopes: [],
      role: kind === "own" ? "" : "viewer",
      days: String(DAYS_USUAL),
    },
    faults(draft) {
      const wrong = nameFault(draft.name);
      return {
        ...sentences<"name">(wrong === null ? {} : { name: wrong }),
        ...(draft.scopes.length === 0 ? { scopes: words.scopesNone } : {}),
      };
    },
    fieldOf: (problem) => (isProblem(problem, "exists") ? "name" : null),
    async send({ name, scopes, role, days }) {
      const wish = { name, scopes: [...scopes], role: role === "" ? null : role };
      onMade(await makeToken(kind, { ...wish, days: Number(days) }));
    },
  });
  const { draft } = form;
  useEffect(() => onChanged(form.dirty), [form.dirty, onChanged]);
  const acts = draft.role === "" ? me.role : draft.role;
  return (
    <Form
      form={form}
      names={{ name: words.name, scopes: words.scopes }}
      submit={words.submit}
      actions={<Button onClick={onClose}>{settings.cancel}</Button>}
    >
      <Field
        label={words.name}
        hint={kind === "own" ? words.nameHint : words.serviceNameHint}
        error={errorAt(form, "name")}
        required
      >
        <Input
          value={draft.name}
          onChange={(event) => form.set("name", event.target.value)}
          onBlur={() => form.left("name")}
          spellCheck={false}
          autoCapitalize="none"
        />
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label={words.role} hint={words.roleHint}>
          <Select<Role | "">
            value={draft.role}
            onValueChange={(role) => form.set("role", role)}
            options={[
              ...(kind === "own" ? [{ value: "" as const, label: words.roleOwn }] : []),
              ...rolesFor(kind, me.role).map((role) => ({
                value: role,
                label: kind === "own" ? tokens.atMost(roles[role].title) : roles[role].title,
              })),
            ]}
          />
        </Field>
        <Field label={words.days} hint={words.daysHint}>
          <Select
            value={draft.days}
            onValueChange={(days) => form.set("days", days)}
            options={DAYS.map((n) => ({ value: String(n), label: words.inDays(n) }))}
          />
        </Field>
      </div>
      <ScopeBoxes
        offer={offered(kind, me)}
        chosen={draft.scopes}
        why={(scope) => useless(scope, acts, me.review)}
        error={form.fault("scopes")}
        onChange={(scopes) => form.set("scopes", scopes)}
      />
    </Form>
  );
}

interface ScopeBoxesProps {
  offer: readonly TokenScope[];
  chosen: readonly TokenScope[];
  why: (scope: TokenScope) => Role | "review" | null;
  error: string | undefined;
  onChange: (scopes: TokenScope[]) => void;
}

function ScopeBoxes({ offer, chosen, why, error, onChange }: ScopeBoxesProps) {
  const toggle = (scope: TokenScope, on: boolean) =>
    // In their order, whichever was pressed first.
    onChange(offer.filter((one) => (one === scope ? on : chosen.includes(one))));
  return (
    <fieldset aria-describedby={`scopes-hint${error ? " scopes-error" : ""}`} className="min-w-0">
      <legend className="pb-1 font-medium text-ink text-sm">{words.scopes}</legend>
      <p id="scopes-hint" className="pb-2 text-faint text-xs">
        {words.scopesHint}
      </p>
      <div className="grid gap-3 sm:grid-cols-2">
        {offer.map((scope) => (
          <Checkbox
            key={scope}
            label={<span className="font-mono text-sm">{scope}</span>}
            hint={
              <>
                {texts[scope]}
                {chosen.includes(scope) && <Useless why={why(scope)} />}
              </>
            }
            checked={chosen.includes(scope)}
            onCheckedChange={(on) => toggle(scope, on)}
          />
        ))}
      </div>
      {error && (
        <p id="scopes-error" className="pt-1 text-danger-ink text-sm">
          {error}
        </p>
      )}
    </fieldset>
  );
}

function Useless({ why }: { why: Role | "review" | null }) {
  if (why === null) return null;
  return (
    <span className="block text-warn-ink">
      {why === "review" ? words.review : words.beyond(people.as(why))}
    </span>
  );
}
