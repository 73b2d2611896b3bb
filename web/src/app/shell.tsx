import { Outlet, useNavigate, useRouter } from "@tanstack/react-router";
import { Dialog as Radix } from "radix-ui";
import { lazy, Suspense, useEffect } from "react";
import { app } from "../strings/app";
import { useReturnFocus } from "../ui";
import { showFirstSteps } from "../welcome/first-steps";
import { useRememberProject } from "../welcome/last-project";
import { BottomBar } from "./bottom-bar";
import { Connection } from "./connection";
import { useFocusHeading } from "./focus";
import { overlays, useOverlay } from "./overlays";
import { usePaletteActions } from "./palette-actions";
import { listenForShortcuts, useShortcuts } from "./shortcuts";
import { Sidebar } from "./sidebar";
import { setTheme } from "./theme";

const loadPalette = () => import("./palette");
const loadShortcutHelp = () => import("./shortcut-list");
const Palette = lazy(loadPalette);
const ShortcutHelp = lazy(loadShortcutHelp);

/** Once the page stands; what is typed right after Ctrl-K would be lost while code is on its way. */
const EARLY_MS = 1_000;

interface Page {
  options: { component?: unknown };
}

/**
 * One after the other, so that they are in nobody's way. A page that is asked for while the server
 * is away would make the router reload, and the browser shows its own error in place of Studio.
 */
async function loadPages(pages: readonly Page[]): Promise<void> {
  for (const { options } of pages) {
    await (options.component as { preload?: () => Promise<unknown> } | undefined)?.preload?.();
  }
}

/** Around every page but the sign-in. */
export function Shell() {
  useFocusHeading();
  useCloseOnLeave();
  useEarly();
  useShellShortcuts();
  useShellActions();
  useRememberProject();
  const overlay = useOverlay();
  return (
    <div className="flex h-dvh overflow-hidden">
      <a
        href="#main"
        className="fixed top-2 left-2 z-60 -translate-y-20 rounded-md bg-ink px-3 py-2 text-canvas focus:translate-y-0"
      >
        {app.skip}
      </a>
      <aside className="hidden w-56 shrink-0 flex-col border-line border-r bg-canvas md:flex">
        <Sidebar />
      </aside>
      <div className="flex min-w-0 flex-1 flex-col">
        <main
          id="main"
          tabIndex={-1}
          data-focus-quiet
          data-scroll-restoration-id="main"
          className="relative min-h-0 flex-1 overflow-x-hidden overflow-y-auto bg-surface p-4 md:px-6"
        >
          <Outlet />
        </main>
        <BottomBar />
      </div>
      {overlay === "menu" && <PhoneMenu />}
      <Suspense>
        {overlay === "palette" && <Palette onClose={overlays.close} />}
        {overlay === "shortcuts" && <ShortcutHelp onClose={overlays.close} />}
      </Suspense>
      <Connection />
    </div>
  );
}

function PhoneMenu() {
  const giveBack = useReturnFocus(true);
  return (
    <Radix.Root open onOpenChange={overlays.close}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-scrim" />
        <Radix.Content
          {...giveBack}
          aria-describedby={undefined}
          className="fixed inset-y-0 left-0 z-50 flex w-72 max-w-[85vw] flex-col border-line border-r bg-canvas shadow-floating"
        >
          <Radix.Title className="sr-only">{app.nav.menu}</Radix.Title>
          <Sidebar onGo={overlays.close} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function useEarly() {
  const { routesById } = useRouter();
  useEffect(() => {
    const timer = setTimeout(() => {
      // Whether it comes is seen when it is needed.
      Promise.all([loadPalette(), loadShortcutHelp()])
        .then(() => loadPages(Object.values(routesById)))
        .catch(() => undefined);
    }, EARLY_MS);
    return () => clearTimeout(timer);
  }, [routesById]);
}

/** What was opened on one page is not for the next. */
function useCloseOnLeave() {
  const router = useRouter();
  useEffect(
    () =>
      router.subscribe("onBeforeNavigate", ({ pathChanged }) => pathChanged && overlays.close()),
    [router],
  );
}

function useShellShortcuts() {
  const navigate = useNavigate();
  const { shortcuts: say } = app;
  useEffect(listenForShortcuts, []);
  useShortcuts(say.everywhere, [
    { keys: "mod+k", label: say.palette, run: () => overlays.open("palette"), always: true },
    { keys: "?", label: say.help, run: () => overlays.open("shortcuts") },
    { keys: "escape", label: say.close },
  ]);
  useShortcuts(say.goTo, [
    { keys: "g i", label: say.inbox, run: () => navigate({ to: "/inbox" }) },
    { keys: "g b", label: say.board, run: () => navigate({ to: "/" }) },
    { keys: "g r", label: say.runs, run: () => navigate({ to: "/runs" }) },
    { keys: "g p", label: say.projects, run: () => navigate({ to: "/projects" }) },
    { keys: "g n", label: say.runners, run: () => navigate({ to: "/runners" }) },
    { keys: "g e", label: say.environments, run: () => navigate({ to: "/environments" }) },
    { keys: "g s", label: say.settings, run: () => navigate({ to: "/settings" }) },
  ]);
}

function useShellActions() {
  const navigate = useNavigate();
  const say = app.palette.actions;
  usePaletteActions([
    {
      id: "shortcuts",
      label: say.shortcuts,
      keys: "?",
      onSelect: () => overlays.open("shortcuts"),
    },
    {
      id: "first-steps",
      label: say.firstSteps,
      onSelect: () => {
        showFirstSteps();
        void navigate({ to: "/" });
      },
    },
    { id: "theme-light", label: say.light, onSelect: () => setTheme("light") },
    { id: "theme-dark", label: say.dark, onSelect: () => setTheme("dark") },
    { id: "theme-system", label: say.system, onSelect: () => setTheme("system") },
  ]);
}
