import { useQuery } from "@tanstack/react-query";
import { Bot, Ellipsis, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Agent } from "../api";
import { may } from "../api/may";
import { queries } from "../api/queries";
import { settings, agentSettings as words } from "../strings/settings";
import { Button, type Column, DataTable, EmptyState, ErrorState, IconButton, Menu } from "../ui";
import { AgentDialog } from "./agent-dialog";
import { kindOf } from "./agent-kind";
import { limitText } from "./limit";
import { ListSkeleton } from "./list-skeleton";
import { isDriver, isPreset } from "./presets";
import { RemoveAgent } from "./remove-agent";
import { SettingsFrame } from "./settings-frame";
import { joinWords } from "./words";

type Open = { what: "add" } | { what: "edit" | "remove"; agent: Agent } | null;

export default function AgentsPage() {
  const query = useQuery(queries.agents());
  const me = useQuery(queries.me());
  const able = may(me.data, "agent.edit");
  const [open, setOpen] = useState<Open>(null);
  const agents = query.data;
  const add = able && (
    <Button variant="primary" icon={<Plus aria-hidden />} onClick={() => setOpen({ what: "add" })}>
      {words.add}
    </Button>
  );
  return (
    <SettingsFrame
      title={words.title}
      lead={words.lead}
      actions={agents !== undefined && agents.length > 0 && add}
    >
      {agents === undefined ? (
        query.isError ? (
          <ErrorState problem={query.error} retry={() => query.refetch()} />
        ) : (
          <ListSkeleton />
        )
      ) : (
        <DataTable
          caption={words.title}
          rows={agents}
          rowKey={(agent) => agent.id}
          columns={columns(able ? setOpen : null)}
          empty={
            <EmptyState
              title={words.empty.title}
              body={words.empty.body}
              icon={<Bot />}
              action={add}
            />
          }
        />
      )}
      {open?.what === "add" && <AgentDialog agent={null} onClose={() => setOpen(null)} />}
      {open?.what === "edit" && <AgentDialog agent={open.agent} onClose={() => setOpen(null)} />}
      {open?.what === "remove" && <RemoveAgent agent={open.agent} onClose={() => setOpen(null)} />}
    </SettingsFrame>
  );
}

/** Without `setOpen` there is nothing to open: who may change nothing only reads. */
function columns(setOpen: ((open: Open) => void) | null): Column<Agent>[] {
  const columns: Column<Agent>[] = [
    {
      key: "name",
      header: words.columns.name,
      cell: (agent) =>
        setOpen === null ? (
          <span className="font-medium">{agent.name}</span>
        ) : (
          <button
            type="button"
            onClick={() => setOpen({ what: "edit", agent })}
            className="rounded-sm font-medium text-ink hover:underline"
          >
            {agent.name}
          </button>
        ),
    },
    { key: "kind", header: words.columns.kind, cell: kindTitle },
    {
      key: "provider",
      header: words.columns.provider,
      wide: true,
      cell: (agent) => agent.provider ?? <span className="text-faint">{words.noProvider}</span>,
    },
    {
      key: "limits",
      header: words.columns.limits,
      wide: true,
      className: "whitespace-nowrap text-muted",
      cell: (agent) => words.limits(limitText(agent.timeout_s), limitText(agent.stall_s)),
    },
    {
      key: "command",
      header: words.columns.command,
      wide: true,
      className: "max-w-56",
      cell: (agent) => (
        <span
          title={joinWords(agent.command)}
          className="block truncate font-mono text-muted text-sm"
        >
          {joinWords(agent.command)}
        </span>
      ),
    },
  ];
  if (setOpen !== null) {
    columns.push({
      key: "actions",
      header: <span className="sr-only">{words.columns.actions}</span>,
      align: "end",
      className: "w-10",
      cell: (agent) => (
        <Menu
          trigger={
            <IconButton size="sm" label={words.actions(agent.name)}>
              <Ellipsis aria-hidden />
            </IconButton>
          }
          items={[
            {
              label: settings.edit,
              icon: <Pencil aria-hidden />,
              onSelect: () => setOpen({ what: "edit", agent }),
            },
            {
              label: settings.remove,
              icon: <Trash2 aria-hidden />,
              danger: true,
              onSelect: () => setOpen({ what: "remove", agent }),
            },
          ]}
        />
      ),
    });
  }
  return columns;
}

function kindTitle(agent: Agent): string {
  const kind = kindOf({
    driver: isDriver(agent.driver) ? agent.driver : "command",
    preset: isPreset(agent.preset) ? agent.preset : "",
  });
  return words.presets[kind].title;
}
