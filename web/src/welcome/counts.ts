/** What goes on in a project. */
export interface Counts {
  running: number;
  waiting: number;
  failed: number;
}

export function counts(
  project: string,
  running: readonly { project: string }[],
  inbox: readonly { kind: string; run: { project: string } }[],
): Counts {
  const own = inbox.filter((item) => item.run.project === project);
  return {
    running: running.filter((run) => run.project === project).length,
    waiting: own.filter((item) => item.kind === "review").length,
    failed: own.filter((item) => item.kind === "failed").length,
  };
}
