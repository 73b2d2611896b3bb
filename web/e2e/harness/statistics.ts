export const sorted = (values: number[]): number[] => [...values].sort((a, b) => a - b);

/** The value below which this share of the others lies. */
export function percentile(values: number[], share: number): number {
  const ordered = sorted(values);
  const at = Math.min(ordered.length - 1, Math.floor(ordered.length * share));
  return ordered[at] ?? Number.NaN;
}

export const median = (values: number[]): number => percentile(values, 0.5);

export const ms = (value: number): string => `${value.toFixed(0)} ms`;
