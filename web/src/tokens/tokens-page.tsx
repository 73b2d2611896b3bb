import { useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";
import { type AccessToken, type Me, may, peopleKeys, peopleQueries, queries } from "../api";
import { ListSkeleton } from "../settings/list-skeleton";
import { SettingsFrame } from "../settings/settings-frame";
import { roles } from "../strings/people";
import { device, tokens as words } from "../strings/tokens";
import {
  Badge,
  Button,
  ButtonLink,
  type Column,
  ConfirmDialog,
  DataTable,
  EmptyState,
  ErrorState,
  Time,
  toast,
} from "../ui";
import { revokeToken } from "./calls";
import { MakeToken } from "./make-token";
import type { Kind } from "./scopes";

const KEY = { own: peopleKeys.tokens, service: peopleKeys.serviceTokens } as const;

export default function TokensPage() {
  const me = useQuery({ ...queries.me(), refetchOnMount: "always" });
  return (
    <SettingsFrame
      title={words.title}
      lead={words.lead}
      actions={
        may(me.data, "device.approve") && <ButtonLink to="/device">{device.title}…</ButtonLink>
      }
    >
      {me.data === undefined ? (
        me.isError ? (
          <ErrorState problem={me.error} retry={() => me.refetch()} />
        ) : (
          <ListSkeleton />
        )
      ) : (
        <div className="flex flex-col gap-8">
          <Own me={me.data} />
          {may(me.data, "service_token.list") && <Service me={me.data} />}
        </div>
      )}
    </SettingsFrame>
  );
}

function Own({ me }: { me: Me }) {
  const query = useQuery({ ...peopleQueries.tokens(), enabled: may(me, "token.list") });
  return <Tokens kind="own" me={me} query={query} able={may(me, "token.create")} />;
}

function Service({ me }: { me: Me }) {
  const query = useQuery(peopleQueries.serviceTokens());
  return <Tokens kind="service" me={me} query={query} able={may(me, "service_token.create")} />;
}

interface TokensProps {
  kind: Kind;
  me: Me;
  able: boolean;
  query: { data?: AccessToken[]; isError: boolean; error: unknown; refetch: () => unknown };
}

function Tokens({ kind, me, able, query }: TokensProps) {
  const client = useQueryClient();
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<AccessToken | null>(null);
  const text = words[kind];
  const look = () => void client.invalidateQueries({ queryKey: KEY[kind] });
  const add = able && (
    <Button icon={<Plus aria-hidden />} onClick={() => setMaking(true)}>
      {text.add}
    </Button>
  );
  return (
    <section className="flex flex-col gap-3">
      <header className="flex flex-wrap items-center gap-2">
        <div className="min-w-0 flex-1 basis-60">
          <h2 className="font-semibold text-lg">{text.title}</h2>
          <p className="max-w-prose text-muted">{text.lead}</p>
        </div>
        {(query.data?.length ?? 0) > 0 && add}
      </header>
      {query.data === undefined ? (
        query.isError ? (
          <ErrorState problem={query.error} retry={() => query.refetch()} />
        ) : (
          <ListSkeleton rows={2} />
        )
      ) : (
        <DataTable
          caption={`${words.title}: ${text.title}`}
          rows={query.data}
          rowKey={(token) => token.id}
          columns={columns(kind, setRevoking)}
          empty={
            <EmptyState
              className="rounded-lg border border-line bg-surface py-6"
              icon={<KeyRound />}
              title={text.empty.title}
              body={text.empty.body}
              action={add}
            />
          }
        />
      )}
      {making && <MakeToken kind={kind} me={me} onMade={look} onClose={() => setMaking(false)} />}
      {revoking !== null && (
        <ConfirmDialog
          open
          onOpenChange={(open) => {
            if (!open) setRevoking(null);
          }}
          title={words.revokeTitle(revoking.name)}
          body={words.revokeBody}
          confirm={words.revokeConfirm}
          danger
          onConfirm={async () => {
            await revokeToken(kind, revoking.id);
            look();
            toast.show({ title: words.revoked(revoking.name), tone: "ok" });
          }}
        />
      )}
    </section>
  );
}

function columns(kind: Kind, revoke: (token: AccessToken) => void): Column<AccessToken>[] {
  const all: Column<AccessToken>[] = [
    {
      key: "name",
      header: words.columns.name,
      cell: ({ name, scopes }) => (
        <span className="flex flex-col">
          <span className="break-all font-medium">{name}</span>
          <span className="break-words font-mono text-faint text-xs md:hidden">
            {scopes.join(", ")}
          </span>
        </span>
      ),
    },
    {
      key: "scopes",
      header: words.columns.scopes,
      wide: true,
      className: "max-w-72",
      cell: ({ scopes }) => (
        <span className="flex flex-wrap gap-1">
          {scopes.map((scope) => (
            <Badge key={scope} className="font-mono">
              {scope}
            </Badge>
          ))}
        </span>
      ),
    },
    {
      key: "role",
      header: words.columns.role,
      wide: true,
      cell: ({ role }) => {
        if (role == null) return <span className="text-faint">{words.roleOfPerson}</span>;
        const title = roles[role]?.title ?? role;
        return kind === "own" ? words.atMost(title) : title;
      },
    },
  ];
  if (kind === "service") {
    all.push({
      key: "by",
      header: words.columns.by,
      wide: true,
      cell: ({ made_by }) => <bdi>{made_by ?? words.nobody}</bdi>,
    });
  }
  all.push(
    {
      key: "expires",
      header: words.columns.expires,
      cell: ({ expires_at }) => <Time at={expires_at} className="text-muted" />,
    },
    {
      key: "used",
      header: words.columns.used,
      cell: ({ last_used_at }) =>
        last_used_at == null ? (
          <span className="text-faint">{words.never}</span>
        ) : (
          <Time at={last_used_at} className="text-muted" />
        ),
    },
    {
      key: "actions",
      header: <span className="sr-only">{words.columns.actions}</span>,
      align: "end",
      cell: (token) => (
        <Button
          size="sm"
          variant="ghost"
          aria-label={words.revokeNamed(token.name)}
          onClick={() => revoke(token)}
        >
          {words.revoke}
        </Button>
      ),
    },
  );
  return all;
}
