import { Link } from "@tanstack/react-router";
import { Inbox, Menu as MenuIcon, Play, Search, SquareKanban } from "lucide-react";
import { app } from "../strings/app";
import { overlays } from "./overlays";
import { Count } from "./sidebar";
import { useWaiting } from "./waiting";

const CELL =
  "relative flex h-14 min-w-0 flex-1 flex-col items-center justify-center gap-0.5 text-xs text-muted -outline-offset-2 aria-[current=page]:text-accent [&_svg]:size-5";

/** At the lower edge of a phone, within reach of a thumb. */
export function BottomBar() {
  const { total } = useWaiting();
  return (
    <nav
      aria-label={app.nav.label}
      className="flex shrink-0 border-line border-t bg-canvas pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      <button type="button" className={CELL} onClick={() => overlays.open("menu")}>
        <MenuIcon aria-hidden />
        {app.nav.menu}
      </button>
      <Link to="/" className={CELL}>
        <SquareKanban aria-hidden />
        {app.nav.board}
      </Link>
      <Link to="/inbox" className={CELL}>
        <Inbox aria-hidden />
        {app.nav.inbox}
        <Count n={total} className="absolute top-1 left-1/2 ml-1.5 bg-accent text-on-accent" />
      </Link>
      <Link to="/runs" className={CELL}>
        <Play aria-hidden />
        {app.nav.runs}
      </Link>
      <button type="button" className={CELL} onClick={() => overlays.open("palette")}>
        <Search aria-hidden />
        {app.nav.find}
      </button>
    </nav>
  );
}
