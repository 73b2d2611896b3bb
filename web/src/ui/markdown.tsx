import { lazy, Suspense } from "react";
import { cn } from "./cn";

const Rendered = lazy(() => import("./markdown-rendered"));

/** Beyond this, layout would block the page; the text is shown as it is. */
const RENDERED_MAX = 200_000;

/** Markdown that someone else wrote: no HTML, no images, links ask first. */
export function Markdown({ text, className }: { text: string; className?: string }) {
  const plain = (
    <div dir="auto" className={cn("whitespace-pre-wrap", className)}>
      {text}
    </div>
  );
  if (text.length > RENDERED_MAX) return plain;
  return (
    <Suspense fallback={plain}>
      <Rendered text={text} className={className} />
    </Suspense>
  );
}
