import { useBlocker } from "@tanstack/react-router";
import { settings } from "../../strings/settings";
import { ConfirmDialog } from "../../ui";

/**
 * Asks before what was typed is lost: on leaving for another view (the same address with other
 * search words is none), and by the browser's own question on closing the tab. A function is asked
 * at that moment: what was just sent is no longer unsaved, though nothing was drawn since.
 */
export function Unsaved({ dirty }: { dirty: boolean | (() => boolean) }) {
  const isDirty = () => (typeof dirty === "function" ? dirty() : dirty);
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => isDirty() && current.pathname !== next.pathname,
    enableBeforeUnload: isDirty,
    withResolver: true,
  });
  return (
    <ConfirmDialog
      open={blocker.status === "blocked"}
      onOpenChange={(open) => {
        if (!open) blocker.reset?.();
      }}
      title={settings.unsavedTitle}
      body={settings.unsavedBody}
      confirm={settings.discard}
      keep={settings.keepEditing}
      danger
      onConfirm={() => blocker.proceed?.()}
    />
  );
}
