import { browserStorage, keep, kept } from "./keep";

const isText = (value: unknown): value is string => typeof value === "string";
const nameOf = (project: string) => `agent.${project}`;

/** The agent used last in a project, remembered by this browser. */
export function lastAgent(project: string): string | null {
  return kept(browserStorage(), nameOf(project), isText);
}

export function rememberAgent(project: string, agent: string): void {
  keep(browserStorage(), nameOf(project), agent);
}
