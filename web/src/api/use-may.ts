import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { type Act, may } from "./may";
import { queries } from "./queries";

/** What whoever is signed in may do, as far as it is known: what is not allowed is not offered. */
export function useMay(): (act: Act) => boolean {
  const me = useQuery(queries.me());
  const { data } = me;
  return useCallback((act: Act) => may(data, act), [data]);
}
