import type { InboxItem } from "../api";

/** Where an item is dealt with: work to decide on at its review, the rest at its run. */
export function placeOf(item: InboxItem) {
  const params = { run: item.run.id };
  return item.kind === "review"
    ? ({ to: "/runs/$run/review", params } as const)
    : ({ to: "/runs/$run", params } as const);
}

export type Remedy = "runner" | "labels" | "card" | null;

/** What gets a stuck run going, where that is not on the run's own page. */
export function remedyOf(reason: string | null): Remedy {
  switch (reason) {
    case "no_runner":
      return "runner";
    case "no_runner_with_label":
    case "no_runner_with_isolation":
      return "labels";
    case "dependency_unmet":
      return "card";
    default:
      return null;
  }
}
