import { useBlocker } from "@tanstack/react-router";
import { settings } from "../../strings/settings";
import { ConfirmDialog } from "../../ui";

/**
 * Asks before what was typed is lost: on leaving for another view (the same address with other
 * search words is none), and by the browser's own question on closing the tab.
 */
export function Unsaved({ dirty }: { dirty: boolean }) {
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => dirty && current.pathname !== next.pathname,
    enableBeforeUnload: () => dirty,
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
      danger
      onConfirm={() => blocker.proceed?.()}
    />
  );
}
