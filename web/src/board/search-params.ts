import type { BoardSearch } from "../app/search";
import type { Filter } from "./filter";
import { isLane, type Lane } from "./lanes";

/** The filter that the address holds. */
export function filterOf(search: BoardSearch): Filter {
  return {
    q: search.q ?? "",
    only: search.mine === "waiting" ? "waiting" : (search.state ?? null),
  };
}

/** The address with that filter, and all else as it was. */
export function withFilter(search: BoardSearch, filter: Filter): BoardSearch {
  const { q: _q, mine: _mine, state: _state, ...rest } = search;
  return {
    ...rest,
    ...(filter.q === "" ? {} : { q: filter.q }),
    ...(filter.only === "waiting" ? { mine: "waiting" as const } : {}),
    ...(filter.only && filter.only !== "waiting" ? { state: filter.only } : {}),
  };
}

/** The lane that a phone shows. */
export function laneOf(search: BoardSearch): Lane {
  return isLane(search.lane) ? search.lane : "Backlog";
}

/** `card` in the address of a card that is being written. */
export const NEW = "new";
