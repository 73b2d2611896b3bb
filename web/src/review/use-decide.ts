import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, isProblem, keys } from "../api";
import type { Run } from "../api/types";

/** The three decisions. Each answer is the run as it is then. */
export function useDecide(run: Run) {
  const client = useQueryClient();
  const [replyKey, setReplyKey] = useState(() => crypto.randomUUID());
  const taken = (now: Run) => {
    client.setQueryData(keys.run(now.id), now);
    void client.invalidateQueries({ queryKey: keys.inbox });
    void client.invalidateQueries({ queryKey: keys.steps(now.id) });
  };
  /** Someone else was quicker, or the work is another one: the page looks again. */
  const refused = (error: unknown) => {
    if (!isProblem(error)) return;
    void client.invalidateQueries({ queryKey: keys.run(run.id) });
    void client.invalidateQueries({ queryKey: keys.review(run.id) });
  };
  const path = { run: run.id };
  const approve = useMutation({
    mutationFn: (commit: string) => api.post("/runs/{run}/approve", { path, body: { commit } }),
    onSuccess: taken,
    onError: refused,
  });
  const reject = useMutation({
    mutationFn: (reason: string) => api.post("/runs/{run}/reject", { path, body: { reason } }),
    onSuccess: taken,
    onError: refused,
  });
  const reply = useMutation({
    mutationFn: (text: string) =>
      api.post("/runs/{run}/reply", { path, body: { text }, idempotencyKey: replyKey }),
    onSuccess: (now) => {
      setReplyKey(crypto.randomUUID());
      taken(now);
    },
    onError: refused,
  });
  return { approve, reject, reply };
}

export type Decide = ReturnType<typeof useDecide>;
