import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { type Device, may, queries } from "../api";
import { useForm } from "../settings/form/use-form";
import { AccountForm, Refusal } from "../sign-in/account-form";
import { device as words } from "../strings/tokens";
import { decideOnDevice, lookAtDevice } from "../tokens/calls";
import { Button, ButtonLink, Callout, Field, Input, PageHeader, Time } from "../ui";
import { readCode } from "./code";

type State =
  | { at: "asking" }
  | { at: "seen"; code: string; device: Device }
  | { at: "decided"; yes: boolean; device: Device };

/** Where a person signs another machine of theirs in. The code is typed: a link could be anybody's. */
export default function DevicePage() {
  const me = useQuery(queries.me());
  const [state, setState] = useState<State>({ at: "asking" });
  const ask = () => setState({ at: "asking" });
  return (
    <div className="mx-auto max-w-lg">
      <PageHeader title={words.title}>
        <p className="text-muted">{words.lead}</p>
      </PageHeader>
      {state.at === "asking" && (
        <Ask onSeen={(code, device) => setState({ at: "seen", code, device })} />
      )}
      {state.at === "seen" && (
        <Seen
          code={state.code}
          device={state.device}
          who={me.data && words.seen.asOf(me.data.name, me.data.tenant_name)}
          able={may(me.data, "device.approve")}
          onDecided={(yes) => setState({ at: "decided", yes, device: state.device })}
          onOther={ask}
        />
      )}
      {state.at === "decided" && <Decided yes={state.yes} device={state.device} onOther={ask} />}
    </div>
  );
}

function Ask({ onSeen }: { onSeen: (code: string, device: Device) => void }) {
  const form = useForm({
    initial: { code: "" },
    faults({ code }): { code?: string } {
      if (code.trim() === "") return { code: words.codeNone };
      return readCode(code) === null ? { code: words.codeShape } : {};
    },
    async send({ code }) {
      const read = readCode(code) ?? "";
      onSeen(read, await lookAtDevice(read));
    },
  });
  return (
    <AccountForm form={form} submit={words.look}>
      <Field label={words.code} hint={words.codeHint} error={form.fault("code")} required>
        <Input
          value={form.draft.code}
          onChange={(event) => form.set("code", event.target.value)}
          autoComplete="one-time-code"
          autoCapitalize="characters"
          spellCheck={false}
          maxLength={40}
          className="max-w-60 font-mono uppercase tracking-widest"
        />
      </Field>
    </AccountForm>
  );
}

interface SeenProps {
  code: string;
  device: Device;
  who: string | undefined;
  able: boolean;
  onDecided: (yes: boolean) => void;
  onOther: () => void;
}

function Seen({ code, device, who, able, onDecided, onOther }: SeenProps) {
  const place = useFocused();
  const [busy, setBusy] = useState<"yes" | "no" | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const text = words.seen;

  async function decide(yes: boolean) {
    if (busy !== null) return;
    setBusy(yes ? "yes" : "no");
    setProblem(null);
    try {
      await decideOnDevice(code, yes);
      onDecided(yes);
    } catch (error) {
      setProblem(error);
      setBusy(null);
    }
  }

  return (
    <section className="flex flex-col gap-4">
      <h2 ref={place} tabIndex={-1} data-focus-quiet className="font-semibold text-lg">
        {text.title}
      </h2>
      <dl className="grid grid-cols-[auto_1fr] items-center gap-x-6 gap-y-1.5 rounded-lg border border-line bg-surface px-4 py-3">
        <Fact name={text.code}>
          <span className="font-mono text-lg tracking-widest">{code}</span>
        </Fact>
        <Fact name={text.name}>
          <bdi className="font-medium">{device.name}</bdi>{" "}
          <span className="text-faint text-sm">({text.nameHint})</span>
        </Fact>
        <Fact name={text.from}>{device.address ?? text.fromUnknown}</Fact>
        <Fact name={text.asked}>
          <Time at={device.asked_at} />
        </Fact>
        <Fact name={text.expires}>
          <Time at={device.expires_at} />
        </Fact>
        <Fact name={text.as}>
          <bdi>{who}</bdi>
        </Fact>
      </dl>
      <Callout tone="warn">{text.warning}</Callout>
      <Refusal problem={problem} />
      <div className="flex flex-wrap gap-2">
        <Button
          variant="primary"
          busy={busy === "yes"}
          disabled={!able}
          onClick={() => decide(true)}
        >
          {text.approve}
        </Button>
        <Button busy={busy === "no"} disabled={!able} onClick={() => decide(false)}>
          {text.deny}
        </Button>
        <Button variant="ghost" onClick={onOther}>
          {text.other}
        </Button>
      </div>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted text-sm">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  );
}

interface DecidedProps {
  yes: boolean;
  device: Device;
  onOther: () => void;
}

function Decided({ yes, device, onOther }: DecidedProps) {
  const place = useFocused();
  return (
    <div ref={place} tabIndex={-1} data-focus-quiet role="status" className="flex flex-col gap-4">
      <Callout
        tone={yes ? "ok" : "info"}
        title={yes ? words.approved(device.name) : words.denied(device.name)}
      >
        {yes ? words.approvedBody : words.deniedBody}
      </Callout>
      <div className="flex flex-wrap gap-2">
        {yes && <ButtonLink to="/settings/tokens">{words.toTokens}</ButtonLink>}
        <Button onClick={onOther}>{words.another}</Button>
      </div>
    </div>
  );
}

/** What comes in the place of a form that was sent is read next. */
function useFocused() {
  const place = useRef<HTMLHeadingElement & HTMLDivElement>(null);
  useEffect(() => place.current?.focus(), []);
  return place;
}
