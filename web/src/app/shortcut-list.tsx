import { app } from "../strings/app";
import { Dialog, Kbd } from "../ui";
import { useShortcutGroups } from "./shortcuts";

/** Every shortcut that holds here. */
export function ShortcutList() {
  const groups = useShortcutGroups();
  return (
    <div className="columns-1 gap-8 sm:columns-2">
      {groups.map((group, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two views can name their group alike.
        <section key={index} className="mb-4 break-inside-avoid">
          <h3 className="mb-1 text-sm font-medium text-muted">{group.name}</h3>
          <dl className="grid grid-cols-[1fr_auto] gap-x-4 gap-y-1">
            {group.shortcuts.map((shortcut) => (
              <div key={shortcut.keys} className="col-span-2 grid min-h-7 grid-cols-subgrid">
                <dt className="self-center">{shortcut.label}</dt>
                <dd className="self-center justify-self-end">
                  <Kbd keys={shortcut.keys} />
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  );
}

export default function ShortcutHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog open onOpenChange={onClose} title={app.shortcuts.title} size="lg">
      <ShortcutList />
    </Dialog>
  );
}
