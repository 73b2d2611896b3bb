import { useEffect, useRef, useState } from "react";
import { isProblem, tagOf } from "../../api";
import { alikeAll, both, type Meanwhile, meanwhile } from "./merge";
import { type FormOptions, type FormState, useForm } from "./use-form";

export interface EditedOptions<D, T> extends Omit<FormOptions<D>, "initial" | "send"> {
  /** What is changed, as it was shown; null for something new. */
  seen: T | null;
  /** What something new begins with. */
  empty: D;
  draftOf: (seen: T) => D;
  /** Looks at it alone, for its present state and that state's tag. */
  look: () => Promise<T>;
  add: (draft: D) => Promise<T>;
  /** Changes it, where it is still in that state. */
  save: (draft: D, seen: T, ifMatch: string | undefined) => Promise<T>;
  onSaved: (saved: T) => void;
}

export interface Edited<D, T> {
  form: FormState<D>;
  /** What somebody else changed in between, while this person has to choose. */
  met: Meanwhile<D> | null;
  choose: (choice: "mine" | "theirs") => void;
  /** Back to the form; nothing is sent, and saving asks again. */
  later: () => void;
  /** Shows another state of it, where nothing was typed. */
  follow: (seen: T) => void;
}

/**
 * A form of something that others edit as well. It is sent with the tag of what the person saw; where somebody
 * changed it in between nothing is saved, and the person sees what, and chooses.
 */
export function useEdited<D extends object, T extends object>({
  seen,
  empty,
  draftOf,
  look,
  add,
  save,
  onSaved,
  ...rest
}: EditedOptions<D, T>): Edited<D, T> {
  const from = useRef<T | null>(seen);
  const [met, setMet] = useState<{ with: Meanwhile<D>; theirs: T } | null>(null);
  // Lists carry no tags: what comes from one is looked at alone meanwhile.
  const alone = useRef<Promise<T> | null>(null);
  const first = useRef(look);
  useEffect(() => {
    if (from.current === null || tagOf(from.current) !== undefined) return;
    alone.current = first.current();
    // It is asked for again when it is needed.
    alone.current.catch(() => {
      alone.current = null;
    });
  }, []);

  async function send(draft: D): Promise<void> {
    const before = from.current;
    if (before === null) {
      onSaved(await add(draft));
      return;
    }
    const clash = (theirs: T) =>
      setMet({ with: meanwhile(draftOf(before), draft, draftOf(theirs)), theirs });
    let tag = tagOf(before);
    if (tag === undefined) {
      const present = await (alone.current ?? look());
      // The list was older than that.
      if (!alikeAll(draftOf(before), draftOf(present))) return clash(present);
      tag = tagOf(present);
    }
    try {
      const saved = await save(draft, before, tag);
      from.current = saved;
      onSaved(saved);
    } catch (error) {
      if (!isProblem(error, "stale")) throw error;
      alone.current = null;
      const present = await look();
      if (!alikeAll(draftOf(before), draftOf(present))) return clash(present);
      // Something else of it changed, which no one sees here.
      const saved = await save(draft, before, tagOf(present));
      from.current = saved;
      onSaved(saved);
    }
  }

  const form = useForm<D>({ ...rest, initial: seen === null ? empty : draftOf(seen), send });

  return {
    form,
    met: met?.with ?? null,
    choose(choice) {
      if (met === null) return;
      const draft = both(met.with, choice);
      from.current = met.theirs;
      setMet(null);
      form.rebase(met.with.theirs, draft);
      // "Mine" is what was wanted when it was sent; with theirs taken there may be nothing left to send.
      if (choice === "mine") form.send(draft);
    },
    later: () => setMet(null),
    follow(next) {
      from.current = next;
      form.reset(draftOf(next));
    },
  };
}
