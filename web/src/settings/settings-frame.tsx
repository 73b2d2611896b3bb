import type { ReactNode } from "react";
import { settings } from "../strings/settings";
import { Link, PageHeader } from "../ui";

const PLACES = [
  { to: "/settings", label: settings.nav.session },
  { to: "/settings/account", label: settings.nav.account },
  { to: "/settings/members", label: settings.nav.members },
  { to: "/settings/groups", label: settings.nav.groups },
  { to: "/settings/tokens", label: settings.nav.tokens },
  { to: "/settings/agents", label: settings.nav.agents },
  { to: "/settings/providers", label: settings.nav.providers },
  { to: "/settings/webhooks", label: settings.nav.webhooks },
  { to: "/settings/audit", label: settings.nav.audit },
] as const;

const TAB =
  "flex h-9 items-center border-transparent border-b-2 px-2 text-muted hover:text-ink hover:no-underline";

interface SettingsFrameProps {
  title: string;
  lead?: string;
  /** Where a page below one of the places belongs. */
  breadcrumbs?: ReactNode[];
  actions?: ReactNode;
  children: ReactNode;
}

/** What the settings pages have in common. */
export function SettingsFrame({ title, lead, breadcrumbs, actions, children }: SettingsFrameProps) {
  return (
    <div className="mx-auto max-w-4xl">
      <nav aria-label={settings.nav.label} className="mb-4 border-line border-b">
        <ul className="flex gap-1 overflow-x-auto">
          {PLACES.map(({ to, label }) => (
            <li key={to}>
              <Link
                to={to}
                quiet
                activeOptions={{ exact: true }}
                activeProps={{
                  className: `${TAB} border-accent font-medium text-ink`,
                  "aria-current": "page",
                }}
                inactiveProps={{ className: TAB }}
              >
                {label}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <PageHeader title={title} breadcrumbs={breadcrumbs} actions={actions}>
        {lead !== undefined && <p className="max-w-prose text-muted">{lead}</p>}
      </PageHeader>
      {children}
    </div>
  );
}
