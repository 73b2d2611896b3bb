import { useParams } from "@tanstack/react-router";
import { useEffect } from "react";

/** The project whose board was looked at last, kept in this browser. */
const KEY = "freehold.project";

function rememberProject(id: string): void {
  try {
    globalThis.localStorage?.setItem(KEY, id);
  } catch {
    // Forbidden: the newest project is the start then.
  }
}

/** Keeps in mind which project is looked at. */
export function useRememberProject(): void {
  const { project } = useParams({ strict: false });
  useEffect(() => {
    if (project !== undefined) rememberProject(project);
  }, [project]);
}

function remembered(): string | null {
  try {
    return globalThis.localStorage?.getItem(KEY) ?? null;
  } catch {
    return null;
  }
}

/** Where the start leads: the last one that is still there, else the newest. */
export function homeProject<T extends { id: string }>(
  projects: readonly T[],
  last: string | null = remembered(),
): T | null {
  return projects.find((project) => project.id === last) ?? projects.at(-1) ?? null;
}
