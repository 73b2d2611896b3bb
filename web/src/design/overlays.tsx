import { Archive, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { design } from "../strings/design";
import { Button, ConfirmDialog, Dialog, Drawer, Field, Input, Menu, Tooltip, toast } from "../ui";
import { Section } from "./section";

type Which = "dialog" | "drawer" | "confirmation" | "typed confirmation";
const WHICH: readonly Which[] = ["dialog", "drawer", "confirmation", "typed confirmation"];

export function Overlays() {
  const [open, setOpen] = useState<Which | null>(null);
  const close = () => setOpen(null);
  const footer = (
    <Button variant="primary" onClick={close}>
      {design.action}
    </Button>
  );
  const form = (
    <Field label={design.label} hint={design.hint}>
      <Input />
    </Field>
  );
  return (
    <Section title={design.sections.overlays}>
      {WHICH.map((which) => (
        <Button key={which} onClick={() => setOpen(which)}>
          {design.open(which)}
        </Button>
      ))}
      <Dialog
        open={open === "dialog"}
        onOpenChange={close}
        title={design.label}
        description={design.body}
        footer={footer}
      >
        {form}
      </Dialog>
      <Drawer open={open === "drawer"} onOpenChange={close} title={design.long} footer={footer}>
        <div className="p-4">{form}</div>
      </Drawer>
      <ConfirmDialog
        open={open === "confirmation" || open === "typed confirmation"}
        onOpenChange={close}
        title={design.delete}
        body={design.body}
        confirm={design.delete}
        danger
        typed={open === "typed confirmation" ? design.value : undefined}
        onConfirm={() => undefined}
      />
      <Menu
        trigger={<Button>{design.open("menu")}</Button>}
        items={[
          { heading: design.label },
          { label: design.action, icon: <Pencil aria-hidden />, keys: "e", onSelect: close },
          { label: design.value, checked: true, onSelect: close },
          { label: design.more, icon: <Archive aria-hidden />, disabled: true, onSelect: close },
          "separator",
          {
            label: design.delete,
            icon: <Trash2 aria-hidden />,
            hint: design.hint,
            danger: true,
            onSelect: close,
          },
        ]}
      />
      <Tooltip content={design.hint} keys="e">
        <Button>{design.open("tooltip")}</Button>
      </Tooltip>
      <Button
        onClick={() =>
          toast.show({
            title: design.done,
            action: { label: design.undo, onSelect: () => toast.show({ title: design.undo }) },
          })
        }
      >
        {design.open("toast")}
      </Button>
      <Button
        onClick={() => toast.show({ title: design.failed, body: design.body, tone: "danger" })}
      >
        {design.open("failure")}
      </Button>
    </Section>
  );
}
