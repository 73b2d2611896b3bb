import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Ellipsis, MailPlus, MailX, Send } from "lucide-react";
import { useState } from "react";
import { type Invitation, type Me, may, peopleQueries, queries, toProblem } from "../api";
import type { SignInWays } from "../api/types";
import { ListSkeleton } from "../settings/list-skeleton";
import { roles, invitations as words } from "../strings/people";
import {
  Badge,
  Button,
  Callout,
  type Column,
  ConfirmDialog,
  DataTable,
  EmptyState,
  ErrorState,
  IconButton,
  Menu,
  Time,
  toast,
} from "../ui";
import { resendInvitation, revokeInvitation } from "./calls";
import { InviteDialog } from "./invite-dialog";
import { refreshPeople } from "./refresh";

/** What became members, or was taken back, is no invitation any more. */
const SHOWN = ["open", "expired"];

/** Why nobody can be invited on this server; null where one can. */
export function whyNotInvite(ways: SignInWays): string | null {
  if (!ways.mail) return words.noMail;
  return ways.registration === "closed" ? words.closed : null;
}

/** Who is invited and has not come yet. */
export function Invitations({ me }: { me: Me }) {
  const query = useQuery(peopleQueries.invitations());
  const ways = useQuery(queries.ways());
  const [inviting, setInviting] = useState(false);
  const [revoking, setRevoking] = useState<Invitation | null>(null);
  const client = useQueryClient();
  const list = query.data?.filter(({ state }) => SHOWN.includes(state));
  const why = ways.data === undefined ? null : whyNotInvite(ways.data);
  const able = may(me, "invitation.create") && ways.data !== undefined && why === null;
  const button = able && (
    <Button variant="primary" icon={<MailPlus aria-hidden />} onClick={() => setInviting(true)}>
      {words.invite}
    </Button>
  );

  async function resend({ id, email }: Invitation) {
    try {
      await resendInvitation(id);
      toast.show({ title: words.resent(email), tone: "ok" });
    } catch (error) {
      const { detail, title } = toProblem(error);
      toast.show({ title: words.resendFailed(email), body: detail || title, tone: "danger" });
    }
    refreshPeople(client);
  }

  return (
    <section className="flex flex-col gap-3">
      <header className="flex flex-wrap items-center gap-2">
        <div className="min-w-0 flex-1 basis-60">
          <h2 className="font-semibold text-lg">{words.title}</h2>
          <p className="max-w-prose text-muted">{words.lead}</p>
        </div>
        {button}
      </header>
      {why !== null && may(me, "invitation.create") && (
        <Callout tone="info" title={words.noMailTitle}>
          {why}
        </Callout>
      )}
      {list === undefined ? (
        query.isError ? (
          <ErrorState problem={query.error} retry={() => query.refetch()} />
        ) : (
          <ListSkeleton rows={2} />
        )
      ) : (
        <DataTable
          caption={words.title}
          rows={list}
          rowKey={(one) => one.id}
          columns={columns(me, (one) => void resend(one), setRevoking)}
          empty={
            <EmptyState
              className="rounded-lg border border-line bg-surface py-6"
              title={words.empty.title}
              body={words.empty.body}
            />
          }
        />
      )}
      {inviting && <InviteDialog me={me} onClose={() => setInviting(false)} />}
      {revoking !== null && (
        <ConfirmDialog
          open
          onOpenChange={(open) => {
            if (!open) setRevoking(null);
          }}
          title={words.revokeTitle(revoking.email)}
          body={words.revokeBody}
          confirm={words.revokeConfirm}
          danger
          onConfirm={async () => {
            await revokeInvitation(revoking.id);
            refreshPeople(client);
            toast.show({ title: words.revoked(revoking.email), tone: "ok" });
          }}
        />
      )}
    </section>
  );
}

function columns(
  me: Me,
  resend: (one: Invitation) => void,
  revoke: (one: Invitation) => void,
): Column<Invitation>[] {
  const all: Column<Invitation>[] = [
    {
      key: "address",
      header: words.columns.address,
      cell: ({ email }) => <span className="break-all font-medium">{email}</span>,
    },
    {
      key: "role",
      header: words.columns.role,
      cell: ({ role, review }) => (
        <span className="inline-flex flex-wrap items-center gap-1">
          {roles[role]?.title ?? role}
          {review && <Badge>{words.andReviews}</Badge>}
        </span>
      ),
    },
    {
      key: "by",
      header: words.columns.by,
      wide: true,
      cell: ({ by }) => <bdi>{by ?? words.nobody}</bdi>,
    },
    {
      key: "sent",
      header: words.columns.sent,
      wide: true,
      cell: ({ sent_at }) => <Time at={sent_at} className="text-muted" />,
    },
    {
      key: "expires",
      header: words.columns.expires,
      cell: ({ state, expires_at }) =>
        state === "expired" ? (
          <Badge tone="warn">{words.expired}</Badge>
        ) : (
          <Time at={expires_at} className="text-muted" />
        ),
    },
  ];
  const items = (one: Invitation) => [
    ...(may(me, "invitation.create") && (one.role !== "owner" || me.role === "owner")
      ? [{ label: words.resend, icon: <Send aria-hidden />, onSelect: () => resend(one) }]
      : []),
    ...(may(me, "invitation.revoke")
      ? [
          {
            label: words.revoke,
            icon: <MailX aria-hidden />,
            danger: true,
            onSelect: () => revoke(one),
          },
        ]
      : []),
  ];
  if (may(me, "invitation.create") || may(me, "invitation.revoke")) {
    all.push({
      key: "actions",
      header: <span className="sr-only">{words.columns.actions}</span>,
      align: "end",
      className: "w-10",
      cell: (one) => (
        <Menu
          trigger={
            <IconButton size="sm" label={words.actions(one.email)}>
              <Ellipsis aria-hidden />
            </IconButton>
          }
          items={items(one)}
        />
      ),
    });
  }
  return all;
}
