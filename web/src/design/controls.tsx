import { Plus, Settings, Trash2 } from "lucide-react";
import { useState } from "react";
import { design } from "../strings/design";
import {
  Button,
  ButtonLink,
  Checkbox,
  CopyButton,
  Field,
  IconButton,
  Input,
  Kbd,
  Link,
  Select,
  Switch,
  Textarea,
} from "../ui";
import { Section } from "./section";

const VARIANTS = ["primary", "secondary", "ghost", "danger"] as const;

export function Controls() {
  return (
    <>
      <Buttons />
      <Fields />
      <Choices />
    </>
  );
}

function Buttons() {
  return (
    <Section title={design.sections.buttons}>
      {VARIANTS.map((variant) => (
        <div key={variant} className="flex w-full flex-wrap items-center gap-2">
          <Button variant={variant}>{design.action}</Button>
          <Button variant={variant} icon={<Plus aria-hidden />}>
            {design.action}
          </Button>
          <Button variant={variant} size="sm">
            {design.action}
          </Button>
          <Button variant={variant} busy>
            {design.busy}
          </Button>
          <Button variant={variant} disabled>
            {design.action}
          </Button>
        </div>
      ))}
      <IconButton label={design.more}>
        <Settings aria-hidden />
      </IconButton>
      <IconButton label={design.delete} size="sm" variant="secondary">
        <Trash2 aria-hidden />
      </IconButton>
      <ButtonLink to="/design">{design.action}</ButtonLink>
      <Link to="/design">{design.label}</Link>
      <Link to="/design" quiet>
        {design.label}
      </Link>
      <CopyButton text={design.mono} />
      <CopyButton text={design.mono} words />
      <Kbd keys="mod+k" />
      <Kbd keys="g i" />
    </Section>
  );
}

function Fields() {
  const [choice, setChoice] = useState("");
  const options = ["a", "b"].map((value) => ({ value, label: `${design.value} ${value}` }));
  return (
    <Section title={design.sections.fields} column>
      <Field label={design.label} hint={design.hint} required>
        <Input placeholder={design.placeholder} />
      </Field>
      <Field label={design.label} error={design.error}>
        <Input defaultValue={design.value} />
      </Field>
      <Field label={design.label}>
        <Input defaultValue={design.value} disabled />
      </Field>
      <Field label={design.label}>
        <Textarea defaultValue={design.body} />
      </Field>
      <Field label={design.label}>
        <Select
          value={choice}
          onValueChange={setChoice}
          options={options}
          placeholder={design.placeholder}
        />
      </Field>
      <Select
        size="sm"
        className="w-40"
        aria-label={design.label}
        value="a"
        onValueChange={setChoice}
        options={options}
      />
    </Section>
  );
}

function Choices() {
  const [on, setOn] = useState(true);
  return (
    <Section title={design.sections.choices}>
      <Checkbox checked={on} onCheckedChange={setOn} label={design.label} hint={design.hint} />
      <Checkbox checked={!on} onCheckedChange={() => setOn(!on)} label={design.label} />
      <Checkbox checked="indeterminate" onCheckedChange={setOn} label={design.label} />
      <Checkbox checked disabled onCheckedChange={setOn} label={design.label} />
      <Switch checked={on} onCheckedChange={setOn} label={design.label} hint={design.hint} />
      <Switch checked={!on} onCheckedChange={() => setOn(!on)} label={design.label} />
      <Switch checked disabled onCheckedChange={setOn} label={design.label} />
    </Section>
  );
}
