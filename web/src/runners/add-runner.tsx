import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import type { EnrolToken, Runner } from "../api";
import { queries } from "../api/queries";
import { now } from "../lib/clock";
import { makeEnrolToken } from "../settings/calls";
import { readLabels } from "../settings/rules";
import { runners as words } from "../strings/runners";
import { settingFaults } from "../strings/setting-faults";
import { Button, Callout, CodeBlock, Dialog, Field, FormError, Input, Spinner } from "../ui";
import { clock, secondsLeft, serveCommand, wayTo } from "./enrol";

const text = words.addDialog;

/** While somebody waits for a machine to join, a lost hint must not let them wait for good. */
const LOOK_AGAIN_MS = 3_000;

/** Adds a runner on another machine: what to type there, and a token that is made on demand. */
export function AddRunner({ known, onClose }: { known: readonly Runner[]; onClose: () => void }) {
  const [before] = useState(() => new Set(known.map((runner) => runner.id)));
  const [token, setToken] = useState<EnrolToken | null>(null);
  const [labels, setLabels] = useState("");
  const query = useQuery({
    ...queries.runners(),
    refetchInterval: token === null ? false : LOOK_AGAIN_MS,
  });
  const joined = query.data?.find((runner) => !before.has(runner.id) && runner.state === "online");
  const way = wayTo(window.location.origin);
  const read = readLabels(labels);
  const pairs = "labels" in read ? Object.entries(read.labels).map(([k, v]) => `${k}=${v}`) : [];
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      size="lg"
      title={text.title}
      description={text.body}
      footer={
        <Button variant={joined ? "primary" : "secondary"} onClick={onClose}>
          {joined ? text.done : text.close}
        </Button>
      }
    >
      <ol className="flex flex-col gap-5">
        {way.tunnel !== null && (
          <Part title={text.tunnelTitle}>
            <p className="text-muted">{text.tunnelBody}</p>
            <CodeBlock wrap text={way.tunnel} label={text.tunnelTitle} />
            <p className="text-faint text-xs">{text.tunnelHint}</p>
          </Part>
        )}
        <Part title={text.serveTitle}>
          <Field
            label={text.labelsLabel}
            hint={text.labelsHint}
            error={"fault" in read ? settingFaults[read.fault] : undefined}
          >
            <Input
              value={labels}
              onChange={(event) => setLabels(event.target.value)}
              spellCheck={false}
              className="font-mono text-sm"
            />
          </Field>
          <p className="text-muted">{text.serveBody}</p>
          <CodeBlock
            wrap
            text={serveCommand(way.server, { labels: pairs })}
            label={text.serveTitle}
          />
          {way.tunnel !== null && (
            <details>
              <summary className="cursor-pointer text-muted text-sm">{text.sameMachine}</summary>
              <CodeBlock
                wrap
                className="mt-2"
                text={serveCommand(window.location.origin, {
                  labels: pairs,
                  data: text.sameDirectory,
                })}
                label={text.sameMachine}
              />
            </details>
          )}
        </Part>
        <Part title={text.tokenTitle}>
          <p className="text-muted">{text.tokenBody}</p>
          <Token token={token} onToken={setToken} joined={joined !== undefined} />
          <div role="status">
            {joined ? (
              <Callout tone="ok" title={text.joined(joined.name)}>
                {text.joinedBody}
              </Callout>
            ) : token !== null ? (
              <p className="flex items-center gap-2 text-muted text-sm">
                <Spinner label={null} />
                {text.waiting}
              </p>
            ) : null}
          </div>
        </Part>
      </ol>
    </Dialog>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <li className="flex flex-col gap-2">
      <h3 className="font-semibold">{title}</h3>
      {children}
    </li>
  );
}

interface TokenProps {
  token: EnrolToken | null;
  onToken: (token: EnrolToken) => void;
  joined: boolean;
}

/** Made when it is asked for, so that none lies around unused. */
function Token({ token, onToken, joined }: TokenProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const left = useCountdown(token?.expires_at ?? null);
  async function make() {
    setBusy(true);
    setProblem(null);
    try {
      onToken(await makeEnrolToken());
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  }
  const expired = token !== null && left === 0 && !joined;
  return (
    <>
      {token !== null && !expired && !joined && (
        <>
          <CodeBlock text={token.token} label={text.tokenLabel} wrap />
          <p className="text-muted text-sm tabular-nums">{text.expiresIn(clock(left))}</p>
        </>
      )}
      {expired && <Callout tone="warn">{text.expired}</Callout>}
      <FormError problem={problem} />
      {(token === null || expired) && (
        <div>
          <Button variant="primary" busy={busy} onClick={make}>
            {token === null ? text.make : text.again}
          </Button>
        </div>
      )}
    </>
  );
}

/** Seconds left, told once a second. */
function useCountdown(expires: string | null): number {
  const [, tick] = useState(0);
  useEffect(() => {
    if (expires === null) return;
    const timer = setInterval(() => tick((n) => n + 1), 1_000);
    return () => clearInterval(timer);
  }, [expires]);
  return expires === null ? 0 : secondsLeft(expires, now());
}
