import { useEffect, useState } from "react";
import { Spinner } from "../../ui";

/** A runner answers in a second or two; from here on a person wonders. */
const SLOW_MS = 8_000;

/** Under way at a runner; after a while it says that this can take longer. */
export function Trying({ text, slow }: { text: string; slow?: string }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <span className="flex items-center gap-2">
      <Spinner label={null} />
      <span>{late && slow !== undefined ? slow : text}</span>
    </span>
  );
}
