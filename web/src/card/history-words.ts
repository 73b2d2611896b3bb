import type { CardEvent } from "../api";
import { card as say } from "../strings/card";
import { reasonText } from "../strings/reasons";
import { ui } from "../strings/ui";

/** Who did it, and what, in words. A kind that is newer than this page is said as it is. */
export function wordsOf(event: CardEvent): { who: string; what: string } {
  return { who: event.by ?? say.history.someone, what: what(event) };
}

function what(event: CardEvent): string {
  switch (event.kind) {
    case "moved":
      return say.history.moved(event.from ?? null, event.to ?? null);
    case "run_state": {
      const state = event.state ?? "";
      return say.history.run_state(
        ui.states[state] ?? state,
        event.reason ? reasonText(event.reason) : null,
      );
    }
    case "created":
    case "edited":
    case "archived":
    case "restored":
    case "run_started":
      return say.history[event.kind];
    default:
      return say.history.other(String(event.kind));
  }
}

/** Events shown before the person asks for the earlier ones. */
export const SHOWN = 8;

/** Newest first, and how many older ones are left out. */
export function recent(
  events: readonly CardEvent[],
  all: boolean,
): { events: CardEvent[]; more: number } {
  const newest = events.toReversed();
  const shown = all ? newest : newest.slice(0, SHOWN);
  return { events: shown, more: newest.length - shown.length };
}
