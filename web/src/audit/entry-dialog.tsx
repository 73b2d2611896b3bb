import type { ReactNode } from "react";
import type { AuditEntry } from "../api";
import type { AuditSearch } from "../app/search";
import { fullTime } from "../lib/time";
import { audit } from "../strings/audit";
import { Button, Dialog } from "../ui";
import { Outcome } from "./outcome";

const words = audit.entry;

interface EntryDialogProps {
  entry: AuditEntry;
  onSearch: (search: AuditSearch) => void;
  onClose: () => void;
}

/** All that an entry says, and the way to those like it. */
export function EntryDialog({ entry, onSearch, onClose }: EntryDialogProps) {
  const { n, at, actor, actor_name, action, resource, purpose, outcome } = entry;
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={words.title(n ?? null)}
      footer={
        <>
          <Button onClick={() => onSearch({ actor })}>{words.byActor}</Button>
          {resource !== "" && (
            <Button onClick={() => onSearch({ resource })}>{words.byResource}</Button>
          )}
          <Button onClick={() => onSearch({ action })}>{words.byAction}</Button>
        </>
      }
    >
      <dl className="grid grid-cols-1 gap-x-6 gap-y-1.5 sm:grid-cols-[auto_1fr]">
        <Fact name={words.n}>{n ?? words.nPending}</Fact>
        <Fact name={words.at}>
          <time dateTime={at}>{fullTime(at)}</time>
        </Fact>
        <Fact name={words.actor}>{actor_name != null && <bdi>{actor_name}</bdi>}</Fact>
        <Fact name={words.actorId} mono>
          {actor}
        </Fact>
        <Fact name={words.action} mono>
          {action}
        </Fact>
        <Fact name={words.resource} mono>
          {resource}
        </Fact>
        <Fact name={words.purpose}>{purpose}</Fact>
        <Fact name={words.outcome}>
          <Outcome outcome={outcome} />
        </Fact>
        <Fact name={words.address} mono>
          {entry.address}
        </Fact>
        <Fact name={words.correlation} mono>
          {entry.correlation}
        </Fact>
      </dl>
    </Dialog>
  );
}

function Fact({ name, mono, children }: { name: string; mono?: boolean; children: ReactNode }) {
  const nothing = children === "" || children === false || children === null;
  return (
    <>
      <dt className="text-muted text-sm">{name}</dt>
      <dd className={mono && !nothing ? "break-all font-mono text-sm" : "break-words"}>
        {nothing ? <span className="text-faint">{words.nothing}</span> : children}
      </dd>
    </>
  );
}
