import { QueryClient } from "@tanstack/react-query";
import { Offline } from "./problem";

/** Live hints say what is stale; this only ends what a lost hint would leave forever. */
const STALE_MS = 60_000;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: STALE_MS,
      refetchOnWindowFocus: false,
      // The connection's own state brings queries back; a retry helps only against a hiccup.
      retry: (failures, error) => error instanceof Offline && failures < 2,
      networkMode: "always",
    },
    mutations: { retry: false, networkMode: "always" },
  },
});
