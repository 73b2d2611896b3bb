import { outputText, planOf, type RunEvent, textOf, textsOf } from "./event";
import type { Journal } from "./journal";

/** Fields in which people look for words. */
const PROSE = ["text", "title", "name", "step", "reason", "state"] as const;

/** The seqs of the events that hold the words, in any case. */
export function search(events: readonly RunEvent[], words: string): number[] {
  const wanted = words.trim().toLowerCase();
  if (wanted === "") return [];
  return events.filter((event) => holds(event, wanted)).map((event) => event.seq);
}

function holds(event: RunEvent, wanted: string): boolean {
  if (event.type === "output") return outputText(event).toLowerCase().includes(wanted);
  if (PROSE.some((field) => textOf(event, field).toLowerCase().includes(wanted))) return true;
  if (event.type === "agent.plan")
    return planOf(event).some((entry) => entry.content.toLowerCase().includes(wanted));
  return textsOf(event, "paths").some((path) => path.toLowerCase().includes(wanted));
}

/** What somebody types to go there: the number of an event, or a step or check by the start of its name. */
export function goal(
  text: string,
  last: number,
  told: Journal,
  name: (step: string) => string,
): number | null {
  const wanted = text
    .trim()
    .toLowerCase()
    .replace(/^[#e]+(?=\d)/, "");
  if (/^\d+$/.test(wanted)) {
    const seq = Number(wanted);
    return seq >= 1 && seq <= last ? seq : null;
  }
  if (wanted === "") return null;
  for (const attempt of [...told.attempts].reverse()) {
    for (const step of attempt.steps) {
      const check = step.checks.find((one) => one.name.toLowerCase().startsWith(wanted));
      if (check) return check.seq;
      const names = [step.name, name(step.name)].map((one) => one.toLowerCase());
      if (names.some((one) => one.startsWith(wanted))) return step.seq;
    }
  }
  return null;
}
