import { useQuery } from "@tanstack/react-query";
import { Ellipsis, LogOut, Pencil, UserMinus } from "lucide-react";
import { useState } from "react";
import { type Me, type Member, may, peopleQueries, queries, type Seats } from "../api";
import { ListSkeleton } from "../settings/list-skeleton";
import { SettingsFrame } from "../settings/settings-frame";
import { roles, people as words } from "../strings/people";
import {
  Badge,
  Button,
  Callout,
  type Column,
  DataTable,
  ErrorState,
  IconButton,
  Menu,
  type MenuItem,
  Time,
} from "../ui";
import { EditMemberDialog } from "./edit-member";
import { Invitations } from "./invitations";
import { LeaveDialog } from "./leave-dialog";
import { inOrder, mayChange, mayRemove, reviewsByRole } from "./members";
import { RemoveMember } from "./remove-member";

type Open = { what: "edit" | "remove"; member: Member } | { what: "leave" } | null;

export default function MembersPage() {
  const me = useQuery({ ...queries.me(), refetchOnMount: "always" });
  const query = useQuery(peopleQueries.members());
  const seats = useQuery(peopleQueries.seats());
  const [open, setOpen] = useState<Open>(null);
  const members = query.data;
  const close = () => setOpen(null);
  return (
    <SettingsFrame title={words.title} lead={words.lead}>
      <div className="flex flex-col gap-8">
        <div className="flex flex-col gap-3">
          {seats.data !== undefined && <SeatsLine seats={seats.data} />}
          {members === undefined ? (
            query.isError ? (
              <ErrorState problem={query.error} retry={() => query.refetch()} />
            ) : (
              <ListSkeleton />
            )
          ) : (
            <DataTable
              caption={words.title}
              rows={inOrder(members)}
              rowKey={(member) => member.user}
              columns={columns(me.data, setOpen)}
            />
          )}
        </div>
        {me.data !== undefined && <Invitations me={me.data} />}
        {may(me.data, "member.leave") && (
          <section className="flex flex-col items-start gap-2">
            <h2 className="font-semibold text-lg">{words.leaveTitle}</h2>
            <p className="text-muted">{words.leaveHint}</p>
            <Button icon={<LogOut aria-hidden />} onClick={() => setOpen({ what: "leave" })}>
              {words.leaveButton}
            </Button>
          </section>
        )}
      </div>
      {open?.what === "edit" && me.data !== undefined && (
        <EditMemberDialog
          member={open.member}
          members={members ?? []}
          me={me.data}
          onClose={close}
        />
      )}
      {open?.what === "remove" && <RemoveMember member={open.member} onClose={close} />}
      {open?.what === "leave" && me.data !== undefined && (
        <LeaveDialog me={me.data} members={members ?? []} onClose={close} />
      )}
    </SettingsFrame>
  );
}

function SeatsLine({ seats: { members, limit } }: { seats: Seats }) {
  const full = limit !== null && limit !== undefined && members >= limit;
  return (
    <>
      <p className="text-muted text-sm tabular-nums">{words.seats(members, limit ?? null)}</p>
      {full && <Callout tone="warn">{words.full}</Callout>}
    </>
  );
}

function columns(me: Me | undefined, setOpen: (open: Open) => void): Column<Member>[] {
  return [
    {
      key: "name",
      header: words.columns.name,
      cell: (member) => (
        <span className="flex min-w-0 flex-col">
          <span className="flex min-w-0 items-center gap-2">
            <bdi className="min-w-0 break-words font-medium">{member.name}</bdi>
            {member.user === me?.user && <Badge tone="accent">{words.you}</Badge>}
          </span>
          <span className="break-all text-faint text-xs">{member.email ?? words.noAddress}</span>
        </span>
      ),
    },
    {
      key: "role",
      header: words.columns.role,
      cell: ({ role, review }) => (
        <span className="flex flex-col">
          {roles[role]?.title ?? role}
          {review && !reviewsByRole(role) && (
            <span className="text-faint text-xs md:hidden">{words.alsoReviews}</span>
          )}
        </span>
      ),
    },
    {
      key: "review",
      header: words.columns.review,
      wide: true,
      cell: ({ role, review }) =>
        reviewsByRole(role) ? (
          words.reviewsByRole
        ) : review ? (
          words.reviews
        ) : (
          <span className="text-faint">{words.reviewsNot}</span>
        ),
    },
    {
      key: "since",
      header: words.columns.since,
      wide: true,
      cell: ({ since }) => <Time at={since} className="text-muted" />,
    },
    {
      key: "actions",
      header: <span className="sr-only">{words.columns.actions}</span>,
      align: "end",
      className: "w-10",
      cell: (member) => {
        const items = actions(member, me, setOpen);
        if (items.length === 0) return null;
        return (
          <Menu
            trigger={
              <IconButton size="sm" label={words.actions(member.name)}>
                <Ellipsis aria-hidden />
              </IconButton>
            }
            items={items}
          />
        );
      },
    },
  ];
}

function actions(member: Member, me: Me | undefined, setOpen: (open: Open) => void): MenuItem[] {
  const items: MenuItem[] = [];
  const self = member.user === me?.user;
  const hint = mayChange(me, member) ? undefined : words.ownersOnly;
  // Of others, an admin is shown why; who may change nobody is not shown a menu.
  if (may(me, "member.edit")) {
    items.push({
      label: words.edit,
      hint,
      icon: <Pencil aria-hidden />,
      disabled: !mayChange(me, member),
      onSelect: () => setOpen({ what: "edit", member }),
    });
  }
  if (self && may(me, "member.leave")) {
    items.push({
      label: words.leave,
      icon: <LogOut aria-hidden />,
      danger: true,
      onSelect: () => setOpen({ what: "leave" }),
    });
  } else if (!self && may(me, "member.remove")) {
    items.push({
      label: words.remove,
      hint,
      icon: <UserMinus aria-hidden />,
      danger: true,
      disabled: !mayRemove(me, member),
      onSelect: () => setOpen({ what: "remove", member }),
    });
  }
  return items;
}
