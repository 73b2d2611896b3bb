import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { queries } from "../api";
import { shortId } from "../lib/text";
import { app } from "../strings/app";
import { ui } from "../strings/ui";
import { homeProject } from "../welcome/last-project";
import { useAllPaletteActions } from "./palette-actions";
import type { PaletteEntry } from "./palette-rank";

export interface PaletteRow extends PaletteEntry {
  icon?: ReactNode;
  keys?: string;
  select: () => void;
}

const PAGES = [
  { to: "/", name: "board", keys: "g b" },
  { to: "/inbox", name: "inbox", keys: "g i" },
  { to: "/runs", name: "runs", keys: "g r" },
  { to: "/projects", name: "projects", keys: "g p" },
  { to: "/runners", name: "runners", keys: "g n" },
  { to: "/environments", name: "environments", keys: "g e" },
  { to: "/settings/agents", name: "agents", keys: undefined },
  { to: "/settings/providers", name: "providers", keys: undefined },
  { to: "/settings/account", name: "account", keys: undefined },
  { to: "/settings/members", name: "members", keys: undefined },
  { to: "/settings/groups", name: "groups", keys: undefined },
  { to: "/settings/tokens", name: "tokens", keys: undefined },
  { to: "/settings/webhooks", name: "webhooks", keys: undefined },
  { to: "/settings/audit", name: "audit", keys: undefined },
  { to: "/device", name: "device", keys: undefined },
  { to: "/settings", name: "settings", keys: "g s" },
] as const;

/** Everything that the palette can go to or do, loaded only while it is open. */
export function usePaletteRows(): { rows: PaletteRow[]; loading: boolean } {
  const navigate = useNavigate();
  const actions = useAllPaletteActions();
  const projects = useQuery(queries.projects());
  const runs = useQuery(queries.runs());
  const { project: named } = useParams({ strict: false });
  const here =
    projects.data?.find((project) => project.id === named || project.name === named) ??
    homeProject(projects.data ?? []);
  const cards = useQuery({ ...queries.cards(here?.id ?? ""), enabled: here !== null });

  const rows: PaletteRow[] = actions.map((action) => ({
    id: action.id,
    kind: "action",
    label: action.label,
    also: action.also,
    icon: action.icon,
    keys: action.keys,
    select: action.onSelect,
  }));
  for (const { to, name, keys } of PAGES) {
    const label = app.palette.pages[name];
    rows.push({ id: to, kind: "page", label, keys, select: () => navigate({ to }) });
  }
  for (const { id, name } of projects.data ?? []) {
    rows.push({
      id,
      kind: "project",
      label: name,
      select: () => navigate({ to: "/projects/$project", params: { project: id } }),
    });
  }
  for (const { id, title, lane, project } of cards.data ?? []) {
    rows.push({
      id,
      kind: "card",
      label: title,
      hint: lane,
      select: () =>
        navigate({ to: "/projects/$project", params: { project }, search: { card: id } }),
    });
  }
  for (const { id, card_title, state, agent } of runs.data?.items ?? []) {
    rows.push({
      id,
      kind: "run",
      label: card_title,
      hint: `${ui.states[state] ?? state} · ${agent} · ${shortId(id)}`,
      select: () => navigate({ to: "/runs/$run", params: { run: id } }),
    });
  }
  return { rows, loading: projects.isLoading || runs.isLoading || cards.isLoading };
}
