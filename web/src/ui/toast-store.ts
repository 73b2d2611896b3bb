import type { Tone } from "./tone";

export interface ToastOptions {
  title: string;
  body?: string;
  tone?: Tone;
  /** Usually the undo of what has just been done. */
  action?: { label: string; onSelect: () => void };
}

export interface Toast extends ToastOptions {
  id: number;
}

/** Long enough to read two lines and reach the button. */
const SHOWN_MS = 7_000;
/** Failures stay until they are read; this only ends what was forgotten. */
const FAILURE_MS = 60_000;
/** More would cover the page; the oldest goes. */
const MOST = 4;

let toasts: readonly Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();
const timers = new Map<number, ReturnType<typeof setTimeout>>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function release(id: number): void {
  const item = toasts.find((one) => one.id === id);
  if (item === undefined) return;
  hold(id);
  const time = item.tone === "danger" ? FAILURE_MS : SHOWN_MS;
  timers.set(
    id,
    setTimeout(() => dismiss(id), time),
  );
}

function hold(id: number): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
}

function dismiss(id: number): void {
  hold(id);
  if (toasts.some((one) => one.id === id)) set(toasts.filter((one) => one.id !== id));
}

/** Short word about what has just happened. What a person must not miss belongs in the page. */
export const toast = {
  show(options: ToastOptions): number {
    lastId += 1;
    const id = lastId;
    for (const old of toasts.slice(0, Math.max(0, toasts.length - MOST + 1))) hold(old.id);
    set([...toasts, { ...options, id }].slice(-MOST));
    release(id);
    return id;
  },
  dismiss,
  hold,
  release,
  list: (): readonly Toast[] => toasts,
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
