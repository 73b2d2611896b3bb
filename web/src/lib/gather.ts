/**
 * Hands things on in batches: the first at once, so that a single change is seen immediately, and
 * what follows within `ms` together, so that a storm of them costs few renders and requests.
 */
export function gather<T>(
  ms: number,
  flush: (items: T[]) => void,
  later: (run: () => void, ms: number) => void = (run, wait) => void setTimeout(run, wait),
): (item: T) => void {
  let held: T[] | null = null;
  const turn = () => {
    const items = held ?? [];
    held = items.length > 0 ? [] : null;
    if (items.length === 0) return;
    later(turn, ms);
    flush(items);
  };
  return (item) => {
    if (held !== null) {
      held.push(item);
      return;
    }
    held = [];
    later(turn, ms);
    flush([item]);
  };
}
