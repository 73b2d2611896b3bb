import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Ellipsis, Pencil, Plus, Trash2, UsersRound } from "lucide-react";
import { type ReactNode, useState } from "react";
import {
  type GroupRole,
  type Me,
  may,
  peopleKeys,
  peopleQueries,
  queries,
  type SignInProvider,
} from "../api";
import { ListSkeleton } from "../settings/list-skeleton";
import { SettingsFrame } from "../settings/settings-frame";
import { groups as words } from "../strings/groups";
import { roles } from "../strings/people";
import {
  Badge,
  Button,
  CodeBlock,
  type Column,
  ConfirmDialog,
  DataTable,
  EmptyState,
  ErrorState,
  IconButton,
  Menu,
  toast,
} from "../ui";
import { removeGroupRole } from "./calls";
import { GroupDialog } from "./group-dialog";
import { groupsInOrder } from "./group-rules";

type Open = { what: "add" } | { what: "edit" | "remove"; group: GroupRole } | null;

/** What groups of the provider of identities are here. */
export default function GroupsPage() {
  const me = useQuery({ ...queries.me(), refetchOnMount: "always" });
  const ways = useQuery(queries.ways());
  const query = useQuery({
    ...peopleQueries.groups(),
    enabled: may(me.data, "group_role.read"),
  });
  const client = useQueryClient();
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const able = may(me.data, "group_role.edit");
  const providers = ways.data?.providers ?? [];
  const add = able && providers.length > 0 && (
    <Button variant="primary" icon={<Plus aria-hidden />} onClick={() => setOpen({ what: "add" })}>
      {words.add}
    </Button>
  );
  const list = query.data;
  const failed = [me, ways, query].find((one) => one.isError && one.data === undefined);
  const ready = me.data !== undefined && ways.data !== undefined && list !== undefined;
  return (
    <SettingsFrame
      title={words.title}
      lead={words.lead}
      actions={list !== undefined && list.length > 0 && add}
    >
      {!ready ? (
        failed !== undefined ? (
          <ErrorState problem={failed.error} retry={() => void failed.refetch()} />
        ) : (
          <ListSkeleton />
        )
      ) : (
        <div className="flex flex-col gap-6">
          <DataTable
            caption={words.title}
            rows={groupsInOrder(list)}
            rowKey={(one) => one.id}
            columns={columns(providers, able ? setOpen : null)}
            empty={<Nothing known={providers.length > 0} able={able} add={add} />}
          />
          <ul className="list-disc pl-5 text-muted">
            {words.notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
          {able && <Setup me={me.data} />}
        </div>
      )}
      {(open?.what === "add" || open?.what === "edit") && (
        <GroupDialog
          group={open.what === "edit" ? open.group : null}
          known={list ?? []}
          providers={providers}
          onClose={close}
        />
      )}
      {open?.what === "remove" && (
        <ConfirmDialog
          open
          onOpenChange={(still) => {
            if (!still) close();
          }}
          title={words.removeDialog.title(open.group.group)}
          body={words.removeDialog.body}
          confirm={words.removeDialog.confirm}
          danger
          onConfirm={async () => {
            await removeGroupRole(open.group.id);
            void client.invalidateQueries({ queryKey: peopleKeys.groups });
            toast.show({ title: words.removed(open.group.group), tone: "ok" });
          }}
        />
      )}
    </SettingsFrame>
  );
}

function Nothing({ known, able, add }: { known: boolean; able: boolean; add: ReactNode }) {
  const { title, body } = known ? words.empty : words.unset;
  return (
    <EmptyState
      icon={<UsersRound />}
      title={title}
      body={known && !able ? words.empty.ownersBody : body}
      action={add || undefined}
    />
  );
}

/** What must stand in the operator's file, with this organization's own id in it. */
function Setup({ me }: { me: Me }) {
  const text = words.setup;
  return (
    <section className="flex flex-col gap-2">
      <h2 className="font-semibold text-lg">{text.title}</h2>
      <p className="max-w-prose text-muted">{text.body}</p>
      <CodeBlock text={text.lines(me.tenant)} label={text.label} />
    </section>
  );
}

function columns(
  providers: readonly SignInProvider[],
  setOpen: ((open: Open) => void) | null,
): Column<GroupRole>[] {
  const all: Column<GroupRole>[] = [
    {
      key: "group",
      header: words.columns.group,
      cell: ({ group }) => (
        <span className="whitespace-pre-wrap break-all font-mono text-sm">{group}</span>
      ),
    },
    {
      key: "role",
      header: words.columns.role,
      cell: ({ role }) => roles[role]?.title ?? role,
    },
    {
      key: "provider",
      header: words.columns.provider,
      wide: true,
      cell: ({ provider }) => {
        const found = providers.find(({ name }) => name === provider);
        return found === undefined ? (
          <span className="flex flex-wrap items-center gap-2">
            {provider}
            <Badge tone="warn">{words.gone}</Badge>
          </span>
        ) : (
          <bdi>{found.title}</bdi>
        );
      },
    },
  ];
  if (setOpen !== null) {
    all.push({
      key: "actions",
      header: <span className="sr-only">{words.columns.actions}</span>,
      align: "end",
      className: "w-10",
      cell: (group) => (
        <Menu
          trigger={
            <IconButton size="sm" label={words.actions(group.group)}>
              <Ellipsis aria-hidden />
            </IconButton>
          }
          items={[
            {
              label: words.edit,
              icon: <Pencil aria-hidden />,
              onSelect: () => setOpen({ what: "edit", group }),
            },
            {
              label: words.remove,
              icon: <Trash2 aria-hidden />,
              danger: true,
              onSelect: () => setOpen({ what: "remove", group }),
            },
          ]}
        />
      ),
    });
  }
  return all;
}
