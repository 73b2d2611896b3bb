import { Inbox } from "lucide-react";
import { useState } from "react";
import { ProblemError, type RunState } from "../api";
import { design } from "../strings/design";
import {
  Badge,
  Button,
  Callout,
  CodeBlock,
  DataTable,
  Duration,
  EmptyState,
  ErrorState,
  FormError,
  Markdown,
  OutsideLink,
  Skeleton,
  Spinner,
  StateBadge,
  Tabs,
  Time,
  type Tone,
} from "../ui";
import { Section } from "./section";

const TONES: readonly Tone[] = ["neutral", "accent", "info", "ok", "warn", "danger"];

const STATES: readonly RunState[] = [
  "queued",
  "dispatching",
  "running",
  "waiting",
  "landing",
  "succeeded",
  "failed",
  "cancelled",
  "rejected",
];

const PROBLEM = new ProblemError(design.problem);
const EARLIER = new Date(Date.now() - 3_700_000).toISOString();
const ROWS = [design.value, design.arabic, design.long];

export function Content() {
  const say = design.sections;
  const [tab, setTab] = useState("a");
  const tabs = ["a", "b", "c"].map((value, at) => ({
    value,
    label: `${design.label} ${value}`,
    count: at === 0 ? undefined : at * 1_234,
    content: <p className="text-muted">{design.body}</p>,
  }));
  return (
    <>
      <Section title={say.badges}>
        {TONES.map((tone) => (
          <Badge key={tone} tone={tone}>
            {tone}
          </Badge>
        ))}
        {STATES.map((state) => (
          <StateBadge key={state} state={state} />
        ))}
        <StateBadge state="failed" reason="checks" explain />
        <Badge tone="info">{design.long}</Badge>
      </Section>
      <Section title={say.messages} column>
        {TONES.map((tone) => (
          <Callout
            key={tone}
            tone={tone}
            title={design.label}
            action={<Button size="sm">{design.action}</Button>}
          >
            {design.body}
          </Callout>
        ))}
        <FormError problem={PROBLEM} />
        <ErrorState problem={PROBLEM} retry={() => undefined} />
      </Section>
      <Section title={say.navigation} column>
        <Tabs value={tab} onValueChange={setTab} items={tabs} label={say.navigation} />
      </Section>
      <Section title={say.data} column>
        <DataTable
          caption={say.data}
          rows={ROWS}
          rowKey={(row) => row}
          columns={[
            {
              key: "label",
              header: design.label,
              cell: (row) => (
                <span dir="auto" className="line-clamp-2">
                  {row}
                </span>
              ),
            },
            { key: "time", header: design.time, cell: () => <Time at={EARLIER} /> },
            {
              key: "span",
              header: design.took,
              align: "end",
              wide: true,
              cell: () => <Duration from={EARLIER} />,
            },
          ]}
        />
      </Section>
      <Section title={say.text} column>
        <CodeBlock text={design.code} />
        <CodeBlock text={design.code} wrap />
        <Markdown text={design.markdown} />
        <p>
          <OutsideLink href="https://xn--exmple-cua.com/path">{design.label}</OutsideLink>
        </p>
      </Section>
      <Section title={say.waiting} column>
        <div className="flex items-center gap-3">
          <Spinner />
          <Skeleton className="w-40" />
          <Skeleton className="h-8 w-24" />
        </div>
        <EmptyState
          icon={<Inbox />}
          title={design.label}
          body={design.body}
          action={<Button variant="primary">{design.action}</Button>}
        />
      </Section>
    </>
  );
}
