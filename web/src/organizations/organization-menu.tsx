import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Building2, ChevronsUpDown, Plus, UserRound, Users } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { may, type Organization, peopleQueries, queries, toProblem } from "../api";
import { organizations as words } from "../strings/organizations";
import { session } from "../strings/settings";
import { Menu, type MenuItem, toast } from "../ui";
import { enterOrganization } from "./calls";

const MakeOrganization = lazy(() => import("./make-organization"));

/** Where one is, and where else one could be. */
export function OrganizationMenu({ onGo }: { onGo?: () => void }) {
  const navigate = useNavigate();
  const me = useQuery(queries.me());
  const mine = useQuery({
    ...peopleQueries.organizations(),
    enabled: may(me.data, "organization.list"),
  });
  const ways = useQuery(queries.ways());
  const [making, setMaking] = useState(false);
  const [busy, setBusy] = useState(false);
  const name = me.data?.tenant_name;

  async function enter({ id, name: there, this: here }: Organization) {
    if (here || busy) return;
    setBusy(true);
    try {
      await enterOrganization(id);
      toast.show({ title: words.entered(there), tone: "ok" });
    } catch (error) {
      const { detail, title, next } = toProblem(error);
      const body = `${detail || title}. ${next}`;
      toast.show({ title: words.enterFailed(there), body, tone: "danger" });
      setBusy(false);
    }
  }

  const items: MenuItem[] = [{ heading: words.yours }];
  for (const one of mine.data ?? []) {
    items.push({
      label: one.name,
      hint: session.roles[one.role] ?? one.role,
      checked: one.this,
      onSelect: () => void enter(one),
    });
  }
  if (mine.isError && mine.data === undefined) items.push({ heading: words.failed });
  items.push("separator");
  if (ways.data?.organizations && may(me.data, "organization.create")) {
    items.push({
      label: words.make,
      icon: <Plus aria-hidden />,
      onSelect: () => setMaking(true),
    });
  }
  const go = (to: "/settings/members" | "/settings/account") => {
    onGo?.();
    void navigate({ to });
  };
  items.push(
    {
      label: words.members,
      icon: <Users aria-hidden />,
      onSelect: () => go("/settings/members"),
    },
    {
      label: words.account,
      icon: <UserRound aria-hidden />,
      onSelect: () => go("/settings/account"),
    },
  );
  return (
    <>
      <Menu
        align="start"
        trigger={
          <button
            type="button"
            aria-label={name === undefined ? words.menuUnknown : words.menu(name)}
            aria-busy={busy || undefined}
            className="flex h-8 w-full items-center gap-2 rounded-md px-2 text-left font-medium text-ink hover:bg-hover"
          >
            <Building2 aria-hidden className="size-4 shrink-0 text-muted" />
            <span dir="auto" className="min-w-0 flex-1 truncate">
              {name ?? "…"}
            </span>
            <ChevronsUpDown aria-hidden className="size-4 shrink-0 text-faint" />
          </button>
        }
        items={items}
      />
      <Suspense>{making && <MakeOrganization onClose={() => setMaking(false)} />}</Suspense>
    </>
  );
}
