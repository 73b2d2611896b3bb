import { useQuery } from "@tanstack/react-query";
import { createLink } from "@tanstack/react-router";
import {
  Boxes,
  FolderGit2,
  FolderOpen,
  Inbox,
  Play,
  Search,
  Server,
  Settings,
  SquareKanban,
} from "lucide-react";
import type { AnchorHTMLAttributes, ReactNode, Ref } from "react";
import { queries } from "../api";
import { OrganizationMenu } from "../organizations/organization-menu";
import { app } from "../strings/app";
import { cn, Kbd, Skeleton } from "../ui";
import { Logo } from "./logo";
import { overlays } from "./overlays";
import { ThemeMenu } from "./theme-choice";
import { useWaiting, type Waiting } from "./waiting";

/** Where one can go, at the left; in a drawer on a phone. */
export function Sidebar({ onGo }: { onGo?: () => void }) {
  const waiting = useWaiting();
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex h-12 shrink-0 items-center gap-1 px-3">
        <Logo />
        <span className="flex-1" />
        <ThemeMenu />
      </div>
      <div className="flex flex-col gap-2 px-2 pb-2">
        <OrganizationMenu onGo={onGo} />
        <SearchButton onGo={onGo} />
      </div>
      <nav aria-label={app.nav.label} className="flex min-h-0 flex-1 flex-col">
        <ul className="px-2">
          <li>
            <Item to="/inbox" icon={<Inbox aria-hidden />} onClick={onGo} count={waiting.total}>
              {app.nav.inbox}
            </Item>
          </li>
          <li>
            <Item to="/runs" icon={<Play aria-hidden />} onClick={onGo}>
              {app.nav.runs}
            </Item>
          </li>
          <li>
            <Item to="/runners" icon={<Server aria-hidden />} onClick={onGo}>
              {app.nav.runners}
            </Item>
          </li>
          <li>
            <Item to="/environments" icon={<Boxes aria-hidden />} onClick={onGo}>
              {app.nav.environments}
            </Item>
          </li>
        </ul>
        <h2 className="px-4 pt-4 pb-1 text-xs font-medium text-faint">{app.nav.projects}</h2>
        <Projects waiting={waiting} onGo={onGo} />
        <ul className="border-line border-t p-2">
          <li>
            <Item to="/settings" icon={<Settings aria-hidden />} onClick={onGo}>
              {app.nav.settings}
            </Item>
          </li>
        </ul>
      </nav>
    </div>
  );
}

function SearchButton({ onGo }: { onGo?: () => void }) {
  return (
    <button
      type="button"
      onClick={() => {
        onGo?.();
        overlays.open("palette");
      }}
      className="flex h-8 w-full items-center gap-2 rounded-md border border-line bg-surface px-2 text-left text-muted hover:bg-hover"
    >
      <Search aria-hidden className="size-4 shrink-0" />
      <span className="min-w-0 flex-1 truncate">{app.nav.search}</span>
      <Kbd keys="mod+k" className="hidden md:inline-flex" />
    </button>
  );
}

function Projects({ waiting, onGo }: { waiting: Waiting; onGo?: () => void }) {
  const { data, isError } = useQuery(queries.projects());
  return (
    <ul className="min-h-0 flex-1 overflow-y-auto px-2 pb-2">
      {data?.map((project) => (
        <li key={project.id}>
          <Item
            to="/projects/$project"
            params={{ project: project.id }}
            icon={<SquareKanban aria-hidden />}
            onClick={onGo}
            count={waiting.byProject.get(project.id)}
          >
            {project.name}
          </Item>
        </li>
      ))}
      {data === undefined && !isError && (
        <li className="flex flex-col gap-2 px-2 py-2">
          <Skeleton className="w-32" />
          <Skeleton className="w-24" />
        </li>
      )}
      {isError && data === undefined && (
        <li className="px-2 py-1 text-sm text-muted">{app.nav.projectsFailed}</li>
      )}
      {data?.length === 0 && <li className="px-2 py-1 text-sm text-muted">{app.nav.noProjects}</li>}
      <li>
        <Item
          to="/projects"
          activeOptions={{ exact: true }}
          icon={data?.length === 0 ? <FolderOpen aria-hidden /> : <FolderGit2 aria-hidden />}
          onClick={onGo}
        >
          {app.nav.allProjects}
        </Item>
      </li>
    </ul>
  );
}

interface ItemProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  icon: ReactNode;
  count?: number;
  ref?: Ref<HTMLAnchorElement>;
}

function ItemAnchor({ icon, count = 0, className, children, ...rest }: ItemProps) {
  return (
    <a
      {...rest}
      className={cn(
        "flex h-8 items-center gap-2 rounded-md px-2 text-muted hover:bg-hover hover:text-ink aria-[current=page]:bg-hover aria-[current=page]:font-medium aria-[current=page]:text-ink [&_svg]:size-4 [&_svg]:shrink-0",
        className,
      )}
    >
      {icon}
      <span className="min-w-0 flex-1 truncate">{children}</span>
      <Count n={count} />
    </a>
  );
}

const Item = createLink(ItemAnchor);

/** How many; nothing when there are none. */
export function Count({ n, className }: { n: number; className?: string }) {
  if (n === 0) return null;
  return (
    <span
      className={cn(
        "rounded-full bg-accent-soft px-1.5 text-xs leading-4.5 font-medium text-accent-ink tabular-nums",
        className,
      )}
    >
      <span aria-hidden>{app.nav.many(n)}</span>
      <span className="sr-only">({app.nav.waits(n)})</span>
    </span>
  );
}
