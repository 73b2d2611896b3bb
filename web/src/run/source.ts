import { api } from "../api/client";
import type { RunEvent } from "./event";
import type { Source } from "./event-loader";
import type { FilteredSource } from "./filtered-loader";

/** All events of a run, by place. */
export function wholeSource(run: string): Source {
  return {
    fetch: async (after, limit, signal) => {
      const page = await api.get("/runs/{run}/events", {
        path: { run },
        query: { after, limit },
        signal,
      });
      return page.items;
    },
  };
}

/** The events of some kinds. */
export function kindSource(run: string, kinds: readonly string[]): FilteredSource {
  const kind = kinds.join(",");
  const ask = async (
    query: { after?: number; before?: number; limit: number },
    signal: AbortSignal,
  ): Promise<RunEvent[]> => {
    const page = await api.get("/runs/{run}/events", {
      path: { run },
      query: { ...query, kind },
      signal,
    });
    return page.items;
  };
  return {
    after: (after, limit, signal) => ask({ after, limit }, signal),
    before: (before, limit, signal) => ask({ before, limit }, signal),
  };
}
