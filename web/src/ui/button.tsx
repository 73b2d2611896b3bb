import { createLink } from "@tanstack/react-router";
import type { AnchorHTMLAttributes, ButtonHTMLAttributes, ReactNode, Ref } from "react";
import { cn } from "./cn";
import { Spinner } from "./spinner";
import { Tooltip } from "./tooltip";

export type ButtonVariant = "primary" | "secondary" | "ghost" | "danger";
export type ButtonSize = "sm" | "md";

interface Look {
  variant?: ButtonVariant;
  size?: ButtonSize;
  icon?: ReactNode;
}

const VARIANT: Record<ButtonVariant, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-hover",
  secondary: "border border-line bg-raised text-ink shadow-raised hover:bg-hover",
  ghost: "text-muted hover:bg-hover hover:text-ink",
  danger: "bg-danger text-on-danger hover:bg-danger-hover",
};

const SIZE: Record<ButtonSize, string> = {
  sm: "h-7 gap-1.5 px-2 text-sm",
  md: "h-8 gap-2 px-3 text-base",
};

const BASE =
  "inline-flex shrink-0 items-center justify-center rounded-md font-medium whitespace-nowrap select-none transition-colors [&_svg]:size-4 [&_svg]:shrink-0";

const OFF =
  "disabled:cursor-not-allowed disabled:opacity-50 aria-disabled:cursor-not-allowed aria-disabled:opacity-50";

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement>, Look {
  /** Under way: keeps focus and width, takes no second press. */
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({
  variant = "secondary",
  size = "md",
  busy = false,
  icon,
  className,
  children,
  onClick,
  type = "button",
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      type={busy ? "button" : type}
      aria-disabled={busy || rest["aria-disabled"]}
      aria-busy={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
      className={cn(BASE, VARIANT[variant], SIZE[size], OFF, className)}
    >
      {busy ? <Spinner label={null} /> : icon}
      {children}
    </button>
  );
}

export interface IconButtonProps extends Omit<ButtonProps, "children" | "aria-label"> {
  /** What it does: read out, and shown as a tooltip. */
  label: string;
  children: ReactNode;
}

/** A button that is only an icon. */
export function IconButton({
  label,
  children,
  className,
  variant = "ghost",
  size = "md",
  ...rest
}: IconButtonProps) {
  return (
    <Tooltip content={label}>
      <Button
        {...rest}
        aria-label={label}
        variant={variant}
        size={size}
        className={cn("px-0", size === "sm" ? "w-7" : "w-8", className)}
      >
        {children}
      </Button>
    </Tooltip>
  );
}

interface ButtonAnchorProps extends AnchorHTMLAttributes<HTMLAnchorElement>, Look {
  ref?: Ref<HTMLAnchorElement>;
}

function ButtonAnchor({
  variant = "secondary",
  size = "md",
  icon,
  className,
  children,
  ...rest
}: ButtonAnchorProps) {
  return (
    <a {...rest} className={cn(BASE, VARIANT[variant], SIZE[size], className)}>
      {icon}
      {children}
    </a>
  );
}

/** Looks like a button, goes to a route of ours. */
export const ButtonLink = createLink(ButtonAnchor);
