import { useEffect, useMemo } from "react";
import { useLiveState } from "../api/live-hooks";
import { type ActivityModel, FilteredModel, WholeModel } from "./activity-model";
import { type Filter, narrow } from "./filters";
import { kindSource, wholeSource } from "./source";

/** The list of a run's events that pass the filter, kept up with the run. */
export function useActivity(
  run: string,
  last: number,
  filter: Filter,
  protocol: boolean,
): ActivityModel {
  const model = useMemo<ActivityModel>(() => {
    if (filter === "all") return new WholeModel(wholeSource(run), protocol);
    const { kinds, keep } = narrow(filter);
    return new FilteredModel(kindSource(run, kinds), keep);
  }, [run, filter, protocol]);
  useEffect(() => {
    model.open();
    return () => model.close();
  }, [model]);
  const { phase } = useLiveState();
  useEffect(() => model.hint(last), [model, last]);
  useEffect(() => {
    // What failed while the server was away need not wait for its turn.
    if (phase === "live") model.retry();
  }, [model, phase]);
  return model;
}
