import { useQuery } from "@tanstack/react-query";
import { Keyboard, LogOut } from "lucide-react";
import { type ReactNode, useState } from "react";
import { api } from "../api/client";
import { queries } from "../api/queries";
import { session as current } from "../api/session";
import { overlays } from "../app/overlays";
import { ThemeChoice } from "../app/theme-choice";
import { session as words } from "../strings/settings";
import { Button, ButtonLink, ErrorState, FormError, Skeleton, Time } from "../ui";
import { showFirstSteps } from "../welcome/first-steps";
import { Identities } from "./identities";
import { SettingsFrame } from "./settings-frame";

export default function SessionPage() {
  return (
    <SettingsFrame title={words.title}>
      <div className="flex flex-col gap-8">
        <Who />
        <Identities />
        <Section title={words.look}>
          <ThemeChoice />
        </Section>
        <Section title={words.keyboard}>
          <p className="text-muted">{words.shortcutsHint}</p>
          <div>
            <Button icon={<Keyboard aria-hidden />} onClick={() => overlays.open("shortcuts")}>
              {words.shortcuts}
            </Button>
          </div>
        </Section>
        <Section title={words.firstSteps}>
          <p className="text-muted">{words.firstStepsHint}</p>
          <div>
            <ButtonLink to="/" onClick={() => showFirstSteps()}>
              {words.firstStepsOpen}
            </ButtonLink>
          </div>
        </Section>
      </div>
    </SettingsFrame>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="flex flex-col gap-2">
      <h2 className="font-semibold text-lg">{title}</h2>
      {children}
    </section>
  );
}

function Who() {
  const me = useQuery(queries.me());
  if (me.data === undefined && me.isError) {
    return <ErrorState problem={me.error} retry={() => me.refetch()} />;
  }
  const { data } = me;
  return (
    <Section title={words.who}>
      <dl className="grid grid-cols-[auto_1fr] items-center gap-x-6 gap-y-1.5 rounded-lg border border-line bg-surface px-4 py-3">
        <Fact name={words.name}>{data?.name}</Fact>
        <Fact name={words.role}>{data && (words.roles[data.role] ?? data.role)}</Fact>
        <Fact name={words.organization}>{data?.tenant_name}</Fact>
        <Fact name={words.server}>
          {data && `${window.location.origin}, ${words.version(data.server_version)}`}
        </Fact>
        <Fact name={words.expires}>
          {data && (data.expires_at ? <Time at={data.expires_at} /> : words.expiresNever)}
        </Fact>
      </dl>
      <SignOut />
    </Section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted text-sm">{name}</dt>
      <dd dir="auto" className="min-w-0 break-words">
        {children ?? <Skeleton className="my-0.5 w-40" />}
      </dd>
    </>
  );
}

/** The server revokes the token; where it cannot be told, the page can still forget it. */
function SignOut() {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);

  // Without a session the frame of the page leads to the sign-in.
  const leave = () => current.end("signed-out");

  async function signOut() {
    setBusy(true);
    setProblem(null);
    try {
      await api.post("/sign-out");
      leave();
    } catch (error) {
      // A session that the server does not know any more is over already.
      if (current.token() === null) leave();
      else setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className="flex flex-col items-start gap-2">
      <p className="text-faint text-sm">{words.signOutHint}</p>
      <FormError problem={problem} />
      <div className="flex flex-wrap gap-2">
        <Button icon={<LogOut aria-hidden />} busy={busy} onClick={signOut}>
          {words.signOut}
        </Button>
        {problem !== null && <Button onClick={leave}>{words.signOutAnyway}</Button>}
      </div>
    </div>
  );
}
