import { Check, MessageSquare, X } from "lucide-react";
import type { ReactNode, Ref } from "react";
import { review as words } from "../strings/review";
import { Button, Tooltip } from "../ui";
import type { Block, Decision } from "./decision";

export interface DecisionBarProps {
  decision: Decision;
  comments: number;
  approving: boolean;
  onApprove: () => void;
  onReject: () => void;
  onReply: () => void;
  /** The scroller's padding: the bar sticks at its very edge. */
  padding: number;
  /** Where the run is. */
  children: ReactNode;
  /** Files, help and the like. */
  tools?: ReactNode;
  ref?: Ref<HTMLElement>;
}

/** The decision, always in reach: below on a phone, on top elsewhere. */
export function DecisionBar(props: DecisionBarProps) {
  const { decision, comments, approving, onApprove, onReject, onReply } = props;
  const text = words.decide;
  const open = decision.phase === "decide";
  return (
    <section
      ref={props.ref}
      aria-label={text.region}
      style={{ top: -props.padding, bottom: -props.padding }}
      className="sticky z-20 flex flex-wrap items-center gap-x-3 gap-y-1.5 border-line bg-raised px-3 py-2 max-lg:order-last max-lg:-mx-4 max-lg:-mb-4 max-lg:border-t max-lg:px-4 max-lg:shadow-floating md:max-lg:-mx-6 max-lg:top-auto! lg:bottom-auto! lg:rounded-b-md lg:border lg:shadow-raised"
    >
      <div className="min-w-0 flex-1 basis-52 text-sm" aria-live="polite">
        {props.children}
      </div>
      <div className="flex flex-wrap items-center gap-2">
        {props.tools}
        <Act block={decision.reply} icon={<MessageSquare aria-hidden />} onClick={onReply} keys="r">
          {text.send(comments)}
        </Act>
        {(open || decision.phase === "landing") && (
          <>
            <Act block={decision.reject} icon={<X aria-hidden />} onClick={onReject}>
              {text.reject}
            </Act>
            <Act
              primary
              block={decision.approve}
              busy={approving}
              icon={<Check aria-hidden />}
              onClick={onApprove}
              keys="mod+enter"
            >
              {text.approve}
            </Act>
          </>
        )}
      </div>
    </section>
  );
}

/** A button that says why it cannot be pressed, and stays in reach of the keyboard for that. */
function Act({
  block,
  primary = false,
  busy,
  icon,
  keys,
  onClick,
  children,
}: {
  block: Block | null;
  primary?: boolean;
  busy?: boolean;
  icon: ReactNode;
  keys?: string;
  onClick: () => void;
  children: string;
}) {
  const why = block && words.decide.blocked[block];
  return (
    <Tooltip content={why ?? children} keys={why ? undefined : keys}>
      <Button
        variant={primary ? "primary" : "secondary"}
        icon={icon}
        busy={busy}
        aria-disabled={block !== null || undefined}
        onClick={() => block === null && onClick()}
      >
        {children}
      </Button>
    </Tooltip>
  );
}
