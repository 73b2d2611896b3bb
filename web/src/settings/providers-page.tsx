import { useQuery } from "@tanstack/react-query";
import { Ellipsis, Pencil, Plug, Plus, Trash2, TriangleAlert } from "lucide-react";
import { useState } from "react";
import type { Provider, Runner } from "../api";
import { may } from "../api/may";
import { queries } from "../api/queries";
import { settings, providerSettings as words } from "../strings/settings";
import { Button, type Column, DataTable, EmptyState, ErrorState, IconButton, Menu } from "../ui";
import { ListSkeleton } from "./list-skeleton";
import { ProviderDialog } from "./provider-dialog";
import { RemoveProvider } from "./remove-provider";
import { SettingsFrame } from "./settings-frame";

type Open = { what: "add" } | { what: "edit" | "remove"; provider: Provider } | null;

export default function ProvidersPage() {
  const query = useQuery(queries.providers());
  const runners = useQuery(queries.runners());
  const me = useQuery(queries.me());
  const able = may(me.data, "provider.edit");
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const providers = query.data;
  const add = able && (
    <Button variant="primary" icon={<Plus aria-hidden />} onClick={() => setOpen({ what: "add" })}>
      {words.add}
    </Button>
  );
  return (
    <SettingsFrame
      title={words.title}
      lead={words.lead}
      actions={providers !== undefined && providers.length > 0 && add}
    >
      {providers === undefined ? (
        query.isError ? (
          <ErrorState problem={query.error} retry={() => query.refetch()} />
        ) : (
          <ListSkeleton />
        )
      ) : (
        <DataTable
          caption={words.title}
          rows={providers}
          rowKey={(provider) => provider.id}
          columns={columns(able ? setOpen : null, runners.data ?? [])}
          empty={
            <EmptyState
              title={words.empty.title}
              body={words.empty.body}
              icon={<Plug />}
              action={add}
            />
          }
        />
      )}
      {open?.what === "add" && <ProviderDialog provider={null} onClose={close} />}
      {open?.what === "edit" && <ProviderDialog provider={open.provider} onClose={close} />}
      {open?.what === "remove" && <RemoveProvider provider={open.provider} onClose={close} />}
    </SettingsFrame>
  );
}

/** Without `setOpen` there is nothing to open: who may change nothing only reads. */
function columns(
  setOpen: ((open: Open) => void) | null,
  runners: readonly Runner[],
): Column<Provider>[] {
  const columns: Column<Provider>[] = [
    {
      key: "name",
      header: words.columns.name,
      cell: (provider) =>
        setOpen === null ? (
          <span className="font-medium">{provider.name}</span>
        ) : (
          <button
            type="button"
            onClick={() => setOpen({ what: "edit", provider })}
            className="rounded-sm font-medium text-ink hover:underline"
          >
            {provider.name}
          </button>
        ),
    },
    {
      key: "kind",
      header: words.columns.kind,
      cell: ({ kind }) =>
        kind in words.kinds ? words.kinds[kind as keyof typeof words.kinds].title : kind,
    },
    {
      key: "address",
      header: words.columns.address,
      wide: true,
      className: "max-w-64",
      cell: (provider) => (
        <span title={provider.base_url} className="block truncate font-mono text-muted text-sm">
          {provider.base_url}
        </span>
      ),
    },
    {
      key: "model",
      header: words.columns.model,
      wide: true,
      cell: (provider) => provider.model ?? <span className="text-faint">{words.noModel}</span>,
    },
    {
      key: "key",
      header: words.columns.key,
      wide: true,
      cell: (provider) => <KeyCell provider={provider} runners={runners} />,
    },
  ];
  if (setOpen !== null) {
    columns.push({
      key: "actions",
      header: <span className="sr-only">{words.columns.actions}</span>,
      align: "end",
      className: "w-10",
      cell: (provider) => (
        <Menu
          trigger={
            <IconButton size="sm" label={words.actions(provider.name)}>
              <Ellipsis aria-hidden />
            </IconButton>
          }
          items={[
            {
              label: settings.edit,
              icon: <Pencil aria-hidden />,
              onSelect: () => setOpen({ what: "edit", provider }),
            },
            {
              label: settings.remove,
              icon: <Trash2 aria-hidden />,
              danger: true,
              onSelect: () => setOpen({ what: "remove", provider }),
            },
          ]}
        />
      ),
    });
  }
  return columns;
}

function KeyCell({ provider, runners }: { provider: Provider; runners: readonly Runner[] }) {
  const key = provider.key;
  if (key === "none") return <span className="text-faint">{words.keyText.none}</span>;
  if ("env" in key) return words.keyText.env(key.env);
  if ("file" in key) return words.keyText.file(key.file);
  const late = runners.length - key.written;
  return (
    <span className="inline-flex items-center gap-1">
      {words.keyText.written(key.written)}
      {late > 0 && (
        <span title={words.lateRunners(late)} className="inline-flex">
          <TriangleAlert aria-hidden className="size-3.5 text-warn-ink" />
          <span className="sr-only">{words.lateRunners(late)}</span>
        </span>
      )}
    </span>
  );
}
