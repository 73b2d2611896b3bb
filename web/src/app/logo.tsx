import { Link } from "@tanstack/react-router";
import { app } from "../strings/app";

/** The name, and the way home. */
export function Logo() {
  return (
    <Link to="/" className="flex items-center gap-2 rounded-md font-semibold text-ink">
      <svg viewBox="0 0 32 32" className="size-5" aria-hidden="true">
        <rect width="32" height="32" rx="8" className="fill-accent" />
        <path d="M10 24V8h13v4h-8.5v3.2H21V19h-6.5V24z" className="fill-on-accent" />
      </svg>
      {app.name}
    </Link>
  );
}
