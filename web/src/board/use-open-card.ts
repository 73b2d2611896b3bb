import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Intent } from "../card/card-drawer";
import { STILL } from "./use-board-search";

/** The card in the address, why it was opened, and the way back to it on the board. */
export function useOpenCard() {
  const { card: id } = useSearch({ from: "/projects/$project" });
  const navigate = useNavigate({ from: "/projects/$project" });
  const [intent, setIntent] = useState<{ id: string; what: Intent } | null>(null);
  const [wish, setWish] = useState<{ id: string | null; nth: number }>({ id: null, nth: 0 });
  const latest = useRef<string | null>(null);

  const focusBoard = useCallback((to: string | null) => {
    setWish((old) => ({ id: to, nth: old.nth + 1 }));
  }, []);

  // The drawer gives the focus back to whatever had it, a moment after it is gone; a card that has moved or that the
  // address named is found here.
  useEffect(() => {
    if (id !== undefined) {
      latest.current = id;
      return;
    }
    const last = latest.current;
    if (last === null) return;
    latest.current = null;
    const timer = setTimeout(() => focusBoard(last), 0);
    return () => clearTimeout(timer);
  }, [id, focusBoard]);

  const open = useCallback(
    (card: string, what: Intent) => {
      setIntent({ id: card, what });
      void navigate({ search: (old) => ({ ...old, card }), ...STILL });
    },
    [navigate],
  );
  const close = useCallback(() => {
    setIntent(null);
    void navigate({ search: ({ card: _, ...rest }) => rest, replace: true, ...STILL });
  }, [navigate]);

  return {
    id: id ?? null,
    intent: intent !== null && intent.id === id ? intent.what : null,
    wish,
    open,
    close,
    focusBoard,
  };
}

export type OpenCard = ReturnType<typeof useOpenCard>;
