import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { count } from "../lib/text";
import { cn } from "./cn";

export interface TabItem<T extends string = string> {
  value: T;
  label: ReactNode;
  count?: number;
  content: ReactNode;
}

export interface TabsProps<T extends string> {
  value: T;
  onValueChange: (value: T) => void;
  items: readonly TabItem<T>[];
  /** Names the row of tabs. */
  label: string;
  /** Beside the tabs, at the right. */
  actions?: ReactNode;
  className?: string;
}

/** Views of one thing; only the chosen one is mounted. */
export function Tabs<T extends string>({
  value,
  onValueChange,
  items,
  label,
  actions,
  className,
}: TabsProps<T>) {
  return (
    <Radix.Root
      value={value}
      onValueChange={(next) => onValueChange(next as T)}
      className={cn("flex min-h-0 flex-col", className)}
    >
      <div className="flex items-end gap-2 border-line border-b">
        <Radix.List aria-label={label} className="flex min-w-0 flex-1 gap-1 overflow-x-auto">
          {items.map((item) => (
            <Radix.Trigger
              key={item.value}
              value={item.value}
              className="flex h-9 items-center gap-1.5 border-transparent border-b-2 px-2 text-muted whitespace-nowrap -outline-offset-2 hover:text-ink data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-ink"
            >
              {item.label}
              {item.count !== undefined && (
                <span className="rounded-full bg-neutral-soft px-1.5 text-xs text-neutral-ink tabular-nums">
                  {count(item.count)}
                </span>
              )}
            </Radix.Trigger>
          ))}
        </Radix.List>
        {actions !== undefined && <div className="flex gap-1 pb-1">{actions}</div>}
      </div>
      {items.map((item) => (
        <Radix.Content key={item.value} value={item.value} className="min-h-0 flex-1 pt-3">
          {item.content}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}
