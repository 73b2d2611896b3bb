import { type FormEvent, useCallback, useRef, useState } from "react";
import { afterPress } from "./after-press";

export type Faults<D> = Partial<Record<keyof D, string>>;

export interface FormOptions<D> {
  initial: D;
  /** What is wrong, by field, as sentences. */
  faults: (draft: D) => Faults<D>;
  /** Sends it. What it throws is shown, and everything typed stays. */
  send: (draft: D) => Promise<unknown>;
  /** The field that a refusal of the server is about; null for the form as a whole. */
  fieldOf?: (problem: unknown) => keyof D | null;
}

export interface FormState<D> {
  draft: D;
  change: (next: D) => void;
  set: <K extends keyof D>(field: K, value: D[K]) => void;
  /** Leaving a field is the moment to say what is wrong with it: not while it is half typed. */
  left: (field: keyof D) => void;
  /** What is shown at a field. */
  fault: (field: keyof D) => string | undefined;
  /** Everything that is wrong, once it was tried to send it. */
  summary: { field: keyof D; text: string }[];
  /** What the server said, and the field that it is about. */
  problem: unknown;
  problemField: keyof D | null;
  busy: boolean;
  dirty: boolean;
  submit: (event?: FormEvent) => void;
  reset: (to: D) => void;
  /** Another state to have begun from; what is typed is compared with it from now on. */
  rebase: (base: D, draft: D) => void;
  /** Sends that, as `submit` sends what is typed. */
  send: (draft: D) => void;
}

/** A form's values, what is wrong with them, and sending them once. */
export function useForm<D extends object>(options: FormOptions<D>): FormState<D> {
  const [base, setBase] = useState(options.initial);
  const [draft, setDraft] = useState(options.initial);
  const [touched, setTouched] = useState<ReadonlySet<keyof D>>(new Set());
  const [tried, setTried] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  // State is a render late: two presses of Enter in one frame would both pass it.
  const sending = useRef(false);
  const faults = options.faults(draft);

  const change = useCallback((next: D) => {
    setDraft(next);
    // What was refused is no longer what is there.
    setProblem(null);
  }, []);

  const set = useCallback(<K extends keyof D>(field: K, value: D[K]) => {
    setDraft((before) => ({ ...before, [field]: value }));
    setProblem(null);
  }, []);

  const left = useCallback((field: keyof D) => {
    afterPress(() =>
      setTouched((before) => (before.has(field) ? before : new Set(before).add(field))),
    );
  }, []);

  const reset = useCallback((to: D) => {
    setBase(to);
    setDraft(to);
    setTouched(new Set());
    setTried(false);
    setProblem(null);
  }, []);

  const rebase = useCallback((to: D, next: D) => {
    setBase(to);
    setDraft(next);
    setProblem(null);
  }, []);

  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    // A dialog's form stands inside the page's in React's tree, not in the document's.
    event?.stopPropagation();
    if (sending.current) return;
    setTried(true);
    if (hasFaults(faults)) {
      const form = event?.currentTarget;
      requestAnimationFrame(() => focusFirstFault(form));
      return;
    }
    send(draft);
  };

  const send = (wanted: D) => {
    if (sending.current) return;
    sending.current = true;
    setBusy(true);
    setProblem(null);
    options
      .send(wanted)
      .catch((error: unknown) => setProblem(error))
      .finally(() => {
        sending.current = false;
        setBusy(false);
      });
  };

  return {
    draft,
    change,
    set,
    left,
    fault: (field) => (tried || touched.has(field) ? faults[field] : undefined),
    summary: tried ? listFaults(faults) : [],
    problem,
    problemField: problem === null ? null : (options.fieldOf?.(problem) ?? null),
    busy,
    dirty: !same(draft, base),
    submit,
    reset,
    rebase,
    send,
  };
}

function hasFaults<D>(faults: Faults<D>): boolean {
  return listFaults(faults).length > 0;
}

function listFaults<D>(faults: Faults<D>): { field: keyof D; text: string }[] {
  const fields = Object.keys(faults) as (keyof D)[];
  return fields.flatMap((field) => {
    const text = faults[field];
    return text === undefined ? [] : [{ field, text }];
  });
}

function same<D extends object>(a: D, b: D): boolean {
  return (Object.keys(a) as (keyof D)[]).every((field) => Object.is(a[field], b[field]));
}

function focusFirstFault(form: unknown): void {
  if (!(form instanceof HTMLElement)) return;
  form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
}
