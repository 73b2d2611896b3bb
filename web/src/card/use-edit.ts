import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import { type Card, isProblem } from "../api";
import { lookAt } from "../board/requests";
import { putCard } from "../board/use-cards";
import { card as say } from "../strings/card";
import {
  begin,
  changed,
  clashes,
  type Edit,
  type Edition,
  type Field,
  isEdit,
  joined,
  patchOf,
  rebase,
} from "./edit";
import { browserStorage, forget, keep, kept } from "./keep";
import { editCard } from "./requests";

/** Times that a save is moved upon someone else's edition by itself; more means a race, and a person decides. */
const REBASES_MAX = 3;

const nameOf = (id: string) => `edit.${id}`;

/** Editing of a card in place. What was typed is kept in this browser until it is saved or discarded. */
export function useEdit(card: Card) {
  const client = useQueryClient();
  const [edit, setEdit] = useState<Edit | null>(() =>
    kept(browserStorage(), nameOf(card.id), isEdit),
  );
  const [open, setOpen] = useState(false);
  const [saving, setSaving] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  /** Their edition, while the person has to choose. */
  const [theirs, setTheirs] = useState<Edition | null>(null);

  useEffect(() => {
    if (edit && changed(edit).length > 0) keep(browserStorage(), nameOf(card.id), edit);
    else forget(browserStorage(), nameOf(card.id));
  }, [edit, card.id]);

  const start = useCallback(() => {
    setEdit((old) => old ?? begin(card));
    setOpen(true);
  }, [card]);

  const finish = useCallback(() => {
    setEdit(null);
    setOpen(false);
    setTheirs(null);
    setProblem(null);
  }, []);

  /** Leaves the editor; what is unsaved stays a draft. */
  const leave = useCallback(() => {
    setOpen(false);
    setEdit((old) => (old && changed(old).length > 0 ? old : null));
  }, []);

  const save = useCallback(
    async (wanted: Edit) => {
      setSaving(true);
      setProblem(null);
      try {
        const outcome = await sendEdit(card.id, wanted);
        if ("saved" in outcome) {
          if (outcome.saved) putCard(client, outcome.saved);
          finish();
        } else {
          putCard(client, outcome.theirs);
          setEdit(outcome.edit);
          setTheirs(outcome.theirs);
        }
      } catch (error) {
        setProblem(error);
      } finally {
        setSaving(false);
      }
    },
    [card.id, client, finish],
  );

  const type = useCallback((field: Field, text: string) => {
    setEdit((old) => old && { ...old, [field]: text });
  }, []);

  const resolve = useCallback(
    (choice: "mine" | "theirs" | "merge") => {
      if (!edit || !theirs) return;
      const fields = clashes(edit, theirs);
      const mine = rebase(edit, theirs);
      setTheirs(null);
      if (choice === "mine") {
        setEdit(mine);
        void save(mine);
        return;
      }
      const texts = fields.map((field) => [
        field,
        choice === "theirs" ? theirs[field] : both(field, edit[field], theirs[field]),
      ]);
      const next = { ...mine, ...Object.fromEntries(texts) } as Edit;
      if (choice === "theirs" && changed(next).length === 0) finish();
      else setEdit(next);
    },
    [edit, theirs, save, finish],
  );

  return {
    edit,
    open,
    saving,
    problem,
    theirs,
    dirty: edit !== null && changed(edit).length > 0,
    /** A newer edition than the one that the person began from. */
    meanwhile: edit !== null && card.version > edit.base.version ? card : null,
    start,
    leave,
    type,
    resolve,
    compare: () => setTheirs(card),
    closeCompare: () => setTheirs(null),
    save: () => edit && void save(edit),
    discard: finish,
    bringBack: (old: Edit) => setEdit(old),
  };
}

export type EditState = ReturnType<typeof useEdit>;

type Outcome = { saved: Card | null } | { edit: Edit; theirs: Card };

/** Sends the edit; where it does not clash with what someone saved meanwhile, both changes are kept. */
async function sendEdit(id: string, wanted: Edit): Promise<Outcome> {
  let edit = wanted;
  for (let round = 0; ; round += 1) {
    if (changed(edit).length === 0) return { saved: null };
    try {
      return { saved: await editCard(id, patchOf(edit), edit.base.version) };
    } catch (error) {
      if (!isProblem(error, "stale")) throw error;
      const theirs = await lookAt(id);
      if (clashes(edit, theirs).length > 0 || round >= REBASES_MAX) return { edit, theirs };
      edit = rebase(edit, theirs);
    }
  }
}

/** A title is one line, so both stand side by side; details stand one below the other. */
function both(field: Field, mine: string, theirs: string): string {
  if (field === "title") return `${mine} | ${theirs}`;
  return joined(mine, theirs, { mine: say.conflict.markMine, theirs: say.conflict.markTheirs });
}
