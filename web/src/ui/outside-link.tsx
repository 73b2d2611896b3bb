import { ExternalLink } from "lucide-react";
import { type ReactNode, useState } from "react";
import { ui } from "../strings/ui";
import { CodeBlock } from "./code-block";
import { ConfirmDialog } from "./confirm-dialog";
import { outsideAddress } from "./outside-address";

/** A link out of Freehold. It opens only after the whole address has been shown. */
export function OutsideLink({ href, children }: { href: string; children: ReactNode }) {
  const [asking, setAsking] = useState(false);
  const address = outsideAddress(href);
  if (address === null) return <span title={ui.outsideUnsafe}>{children}</span>;
  return (
    <>
      <a
        href={address}
        title={address}
        target="_blank"
        rel="noreferrer noopener"
        className="rounded-sm text-accent underline underline-offset-2"
        onClick={(event) => {
          event.preventDefault();
          setAsking(true);
        }}
        // The middle button would go past the question.
        onAuxClick={(event) => {
          event.preventDefault();
          setAsking(true);
        }}
      >
        {children}
        <ExternalLink aria-hidden className="ml-0.5 inline size-3 align-baseline" />
      </a>
      {asking && (
        <ConfirmDialog
          open
          onOpenChange={setAsking}
          title={ui.outsideTitle}
          body={
            <div className="flex flex-col gap-2">
              <p>{ui.outsideBody}</p>
              <CodeBlock text={address} wrap />
            </div>
          }
          confirm={ui.outsideOpen}
          onConfirm={() => window.open(address, "_blank", "noreferrer,noopener")}
        />
      )}
    </>
  );
}
