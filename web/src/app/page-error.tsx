import type { ErrorComponentProps } from "@tanstack/react-router";
import { Home, RotateCw } from "lucide-react";
import { app } from "../strings/app";
import { Button, ButtonLink, CodeBlock, EmptyState } from "../ui";
import { isMissingPart } from "./missing-part";

/** A mistake in one page: the rest of Freehold stays usable. */
export function PageError({ error, reset }: ErrorComponentProps) {
  const missing = isMissingPart(error);
  return (
    <div role="alert">
      <EmptyState
        title={missing ? app.failed.missing : app.failed.title}
        body={
          <div className="flex flex-col gap-3">
            <p>{missing ? app.failed.missingBody : app.failed.body}</p>
            <CodeBlock
              text={error instanceof Error ? error.message : String(error)}
              label={app.failed.detail}
              wrap
            />
          </div>
        }
        action={
          <>
            {!missing && (
              <Button icon={<RotateCw aria-hidden />} onClick={reset}>
                {app.failed.retry}
              </Button>
            )}
            <Button
              variant={missing ? "primary" : "secondary"}
              onClick={() => window.location.reload()}
            >
              {app.failed.reload}
            </Button>
            <ButtonLink to="/projects" icon={<Home aria-hidden />}>
              {app.failed.home}
            </ButtonLink>
          </>
        }
      />
    </div>
  );
}
