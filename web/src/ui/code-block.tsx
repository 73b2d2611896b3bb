import { ui } from "../strings/ui";
import { cn } from "./cn";
import { CopyButton } from "./copy-button";

export interface CodeBlockProps {
  text: string;
  /** What it is, read out. */
  label?: string;
  wrap?: boolean;
  /** Without a button to copy it. */
  bare?: boolean;
  className?: string;
}

/** Text as it is, in a fixed width. */
export function CodeBlock({
  text,
  label = ui.codeLabel,
  wrap = false,
  bare = false,
  className,
}: CodeBlockProps) {
  return (
    <div className={cn("relative rounded-md border border-line bg-canvas", className)}>
      {/* biome-ignore lint/a11y/useSemanticElements: a group for its name; it holds no fields. */}
      <div
        role="group"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys.
        tabIndex={0}
        aria-label={label}
        className="max-h-96 overflow-auto rounded-md"
      >
        <pre
          className={cn(
            "w-fit min-w-full px-3 py-2 font-mono text-sm text-ink",
            !bare && "pr-10",
            wrap ? "w-auto break-words whitespace-pre-wrap" : "whitespace-pre",
          )}
        >
          {text}
        </pre>
      </div>
      {!bare && <CopyButton text={text} className="absolute top-1 right-1 bg-canvas" />}
    </div>
  );
}
