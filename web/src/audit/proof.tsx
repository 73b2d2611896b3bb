import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { type AuditHead, api, Offline, peopleKeys, peopleQueries } from "../api";
import { readWhole, saveFile, TooLarge } from "../lib/save";
import { bytes } from "../lib/text";
import { audit } from "../strings/audit";
import { Button, Callout, CodeBlock, ErrorState, FormError, Skeleton, Time, toast } from "../ui";
import { signedAt, verifyCommand } from "./head";

const words = audit.proof;
const FILE = "audit.jsonl";

/** How far the log has come, carrying it away, and how to check it. */
export function Proof({ mayExport }: { mayExport: boolean }) {
  const head = useQuery(peopleQueries.auditHead());
  return (
    <section className="flex flex-col gap-3">
      <div>
        <h2 className="font-semibold text-lg">{words.title}</h2>
        <p className="max-w-prose text-muted">{words.lead}</p>
      </div>
      {head.data === undefined && head.isError ? (
        <ErrorState problem={head.error} retry={() => head.refetch()} />
      ) : (
        <Head head={head.data} />
      )}
      {mayExport && <Export />}
      {head.data !== undefined && (
        <div className="flex flex-col gap-2">
          <h3 className="font-semibold">{words.how}</h3>
          <p className="text-muted">{words.howBody}</p>
          <CodeBlock wrap text={verifyCommand(FILE, head.data.key)} label={words.how} />
          <p className="text-muted text-sm">{words.howScript}</p>
        </div>
      )}
    </section>
  );
}

function Head({ head }: { head: AuditHead | undefined }) {
  const at = head && signedAt(head.checkpoint);
  return (
    <div className="flex flex-col gap-2">
      <dl className="grid grid-cols-1 gap-x-6 gap-y-1.5 rounded-lg border border-line bg-surface px-4 py-3 sm:grid-cols-[auto_1fr]">
        <Fact name={words.head}>{head && (head.n === 0 ? words.headNone : head.n)}</Fact>
        <Fact name={words.hash} mono>
          {head?.hash}
        </Fact>
        <Fact name={words.signed}>{head && (at == null ? words.notSigned : <Time at={at} />)}</Fact>
        <Fact name={words.key} mono>
          {head?.key}
        </Fact>
      </dl>
      {head?.checkpoint != null && (
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
          <p className="min-w-0 flex-1 basis-60 text-muted text-sm">{words.keep}</p>
          <Button
            icon={<Download aria-hidden />}
            onClick={() => saveFile(new Blob([`${JSON.stringify(head)}\n`]), "audit-head.json")}
          >
            {words.download}
          </Button>
        </div>
      )}
    </div>
  );
}

function Fact({ name, mono, children }: { name: string; mono?: boolean; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted text-sm">{name}</dt>
      <dd className={mono ? "break-all font-mono text-sm" : undefined}>
        {children ?? <Skeleton className="my-0.5 w-40" />}
      </dd>
    </>
  );
}

/** The whole log as a file; where it breaks off there is none, since half a log is not the log. */
function Export() {
  const client = useQueryClient();
  const [size, setSize] = useState<number | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);

  async function start() {
    const own = new AbortController();
    stop.current = own;
    setSize(0);
    setProblem(null);
    try {
      const { signal } = own;
      const options = { signal, timeout: null, headers: { Accept: "application/x-ndjson" } };
      const response = await api.raw("GET", "/audit/export", options);
      saveFile(await readWhole(response, "application/x-ndjson", setSize), FILE);
      toast.show({ title: words.exported, tone: "ok" });
      void client.invalidateQueries({ queryKey: peopleKeys.audit });
      void client.invalidateQueries({ queryKey: peopleKeys.auditHead });
    } catch (error) {
      // A stream that breaks off is told by the browser as a mistake of types.
      if (!own.signal.aborted) setProblem(error instanceof TypeError ? new Offline() : error);
    } finally {
      if (stop.current === own) setSize(null);
    }
  }

  return (
    <div className="flex flex-col items-start gap-2">
      {problem instanceof TooLarge ? (
        <Callout tone="warn">{words.exportTooLarge}</Callout>
      ) : (
        <FormError problem={problem} />
      )}
      <div className="flex flex-wrap items-center gap-2">
        <Button icon={<Download aria-hidden />} busy={size !== null} onClick={start}>
          {words.export}
        </Button>
        {size !== null && (
          <Button variant="ghost" onClick={() => stop.current?.abort()}>
            {words.stop}
          </Button>
        )}
        <span role="status" className="text-muted text-sm">
          {size !== null && words.exporting(bytes(size))}
        </span>
      </div>
    </div>
  );
}
