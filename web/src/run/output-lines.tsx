import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, useEffect, useRef } from "react";
import { run as words } from "../strings/run";
import { cn } from "../ui";
import type { OutputModel, OutputState } from "./output-model";
import type { Look } from "./spans";

/** Height of a line in pixels, as `leading-[18px]` draws it. */
const LINE = 18;

function styleOf(look: Look): CSSProperties {
  return {
    color: look.color,
    backgroundColor: look.background,
    fontWeight: look.bold ? 600 : undefined,
    fontStyle: look.italic ? "italic" : undefined,
    textDecoration: look.underline ? "underline" : look.strike ? "line-through" : undefined,
  };
}

interface OutputLinesProps {
  model: OutputModel;
  state: OutputState;
  wrap: boolean;
  follow: boolean;
  onFollow: (follow: boolean) => void;
  /** The line that the search is at. */
  found: number | null;
}

/** The lines that are seen. */
export function OutputLines({ model, state, wrap, follow, onFollow, found }: OutputLinesProps) {
  const scroller = useRef<HTMLElement>(null);
  const virtual = useVirtualizer({
    count: state.lines,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE,
    overscan: 30,
    useFlushSync: false,
  });
  const { scrollToIndex } = virtual;
  useEffect(() => {
    if (follow && state.lines > 0) scrollToIndex(state.lines - 1, { align: "end" });
  });
  useEffect(() => {
    if (found !== null) scrollToIndex(found, { align: "center" });
  }, [found, scrollToIndex]);
  const onScroll = () => {
    const element = scroller.current;
    if (!element) return;
    const end = element.scrollHeight - element.clientHeight - element.scrollTop < LINE;
    // Only a person scrolls away from the end; what is printed only makes it longer.
    if (end && !follow) onFollow(true);
  };
  const leave = (up: boolean) => {
    if (up && follow) onFollow(false);
  };
  return (
    <section
      ref={scroller}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys.
      tabIndex={0}
      aria-label={words.output.label}
      data-testid="output"
      onScroll={onScroll}
      onWheel={(event) => leave(event.deltaY < 0)}
      onTouchMove={() => leave(true)}
      onPointerDown={(event) => leave(event.target === scroller.current)}
      onKeyDown={(event) => leave(["ArrowUp", "PageUp", "Home"].includes(event.key))}
      className="min-h-0 flex-1 overflow-auto rounded-lg border border-line bg-surface py-1"
    >
      <div className="relative min-w-full" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => (
          <div
            key={item.key}
            ref={wrap ? virtual.measureElement : undefined}
            data-index={item.index}
            style={{ transform: `translateY(${item.start}px)` }}
            className={cn(
              "absolute top-0 left-0 min-h-[18px] min-w-full px-3 font-mono text-xs leading-[18px] text-ink",
              wrap ? "w-full whitespace-pre-wrap" : "w-max whitespace-pre",
              item.index === found && "bg-warn-soft",
            )}
          >
            {model.line(item.index).map((span, at) =>
              span.look === null ? (
                span.text
              ) : (
                <span
                  // biome-ignore lint/suspicious/noArrayIndexKey: the place in the line is what it is.
                  key={at}
                  style={styleOf(span.look)}
                  className={span.look.dim ? "text-faint" : undefined}
                >
                  {span.text}
                </span>
              ),
            )}
          </div>
        ))}
      </div>
    </section>
  );
}
