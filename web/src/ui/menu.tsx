import { Check } from "lucide-react";
import { DropdownMenu as Radix } from "radix-ui";
import { type ReactElement, type ReactNode, useRef, useState } from "react";
import { cn } from "./cn";
import { Kbd } from "./kbd";

export interface MenuAction {
  label: string;
  onSelect: () => void;
  icon?: ReactNode;
  hint?: string;
  keys?: string;
  danger?: boolean;
  disabled?: boolean;
  /** Drawn with a tick, as one of several. */
  checked?: boolean;
}

export type MenuItem = MenuAction | { heading: string } | "separator";

export interface MenuProps {
  /** One button. */
  trigger: ReactElement;
  items: readonly MenuItem[];
  align?: "start" | "end";
}

/** A dropdown of actions. */
export function Menu({ trigger, items, align = "end" }: MenuProps) {
  const [place, setPlace] = useState<HTMLElement | undefined>(undefined);
  const button = useRef<HTMLButtonElement>(null);
  return (
    // What is around it stays readable: a menu is a list of choices, not a question that must be answered.
    <Radix.Root
      modal={false}
      onOpenChange={(open) => {
        if (open) setPlace(placeOf(button.current));
      }}
    >
      <Radix.Trigger ref={button} asChild>
        {trigger}
      </Radix.Trigger>
      <Radix.Portal container={place}>
        <Radix.Content
          align={align}
          sideOffset={4}
          collisionPadding={8}
          className="z-50 max-h-(--radix-dropdown-menu-content-available-height) min-w-44 max-w-80 animate-rise overflow-y-auto rounded-lg border border-line bg-raised p-1 shadow-floating"
        >
          {items.map((item, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: separators have no name of their own.
            <Item key={index} item={item} />
          ))}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Into what holds the button: the dialog, or else the landmark that whoever goes by landmarks meets. */
function placeOf(button: HTMLElement | null): HTMLElement | undefined {
  const dialog = button?.closest<HTMLElement>("[role=dialog],[role=alertdialog]");
  return dialog ?? document.getElementById("main") ?? undefined;
}

function Item({ item }: { item: MenuItem }) {
  if (item === "separator") return <Radix.Separator className="my-1 h-px bg-line" />;
  if ("heading" in item) {
    return <Radix.Label className="px-2 py-1 text-xs text-faint">{item.heading}</Radix.Label>;
  }
  const look = cn(
    "flex min-h-8 cursor-default items-center gap-2 rounded-md px-2 py-1 outline-none select-none data-[disabled]:opacity-50 data-[highlighted]:bg-hover [&_svg]:size-4 [&_svg]:shrink-0",
    item.danger ? "text-danger-ink" : "text-ink",
  );
  const words = (
    <>
      {item.icon}
      <span className="min-w-0 flex-1">
        {item.label}
        {item.hint !== undefined && <span className="block text-xs text-faint">{item.hint}</span>}
      </span>
      {item.keys !== undefined && <Kbd keys={item.keys} />}
    </>
  );
  if (item.checked === undefined) {
    return (
      <Radix.Item disabled={item.disabled} onSelect={item.onSelect} className={look}>
        {words}
      </Radix.Item>
    );
  }
  return (
    <Radix.CheckboxItem
      checked={item.checked}
      disabled={item.disabled}
      onSelect={item.onSelect}
      className={look}
    >
      {words}
      <span className="size-4">
        <Radix.ItemIndicator>
          <Check aria-hidden />
        </Radix.ItemIndicator>
      </span>
    </Radix.CheckboxItem>
  );
}
