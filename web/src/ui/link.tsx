import { createLink } from "@tanstack/react-router";
import type { AnchorHTMLAttributes, Ref } from "react";
import { cn } from "./cn";

interface AnchorProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  ref?: Ref<HTMLAnchorElement>;
  /** Coloured as the text around it until it is pointed at. */
  quiet?: boolean;
}

function Anchor({ className, quiet = false, children, ...rest }: AnchorProps) {
  const look = quiet
    ? "text-inherit hover:text-ink hover:underline"
    : "text-accent underline-offset-2 hover:underline";
  return (
    <a {...rest} className={cn("rounded-sm", look, className)}>
      {children}
    </a>
  );
}

/** A link to a route of ours; for addresses outside there is `OutsideLink`. */
export const Link = createLink(Anchor);
