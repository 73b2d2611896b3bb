import { CloudOff, RotateCw, X } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { isUpdated, live, useLiveState } from "../api";
import { app } from "../strings/app";
import { Button, IconButton, Spinner } from "../ui";
import { connectionWords } from "./connection-words";

/** What is wrong with the connection, over the page so that nothing jumps. */
export function Connection() {
  const state = useLiveState();
  const [later, setLater] = useState<string | null>(null);
  const calm = state.phase === "live" || state.phase === "updated";
  const now = useSeconds(!calm);
  const words = connectionWords(state, now);
  return (
    <div className="pointer-events-none fixed inset-x-2 bottom-16 z-50 flex flex-col items-center gap-2 md:bottom-4">
      {words.kind !== "quiet" && (
        <output aria-label={app.connection.label} className="contents">
          <Note>
            {words.kind === "connecting" ? (
              <>
                <Spinner label={null} />
                {app.connection.connecting}
              </>
            ) : (
              <>
                <CloudOff aria-hidden className="size-4 shrink-0 text-warn-ink" />
                <div className="min-w-0 flex-1">
                  <p className="font-medium">{app.connection.offline}</p>
                  <p className="text-sm text-muted">
                    {words.long ? app.connection.long : app.connection.detail}{" "}
                    {/* Every second anew: to be seen, not to be read out. */}
                    <span aria-hidden className="whitespace-nowrap tabular-nums">
                      {words.retryIn === null
                        ? app.connection.trying
                        : app.connection.retryIn(words.retryIn)}
                    </span>
                  </p>
                </div>
                <Button size="sm" onClick={live.retry}>
                  {app.connection.now}
                </Button>
              </>
            )}
          </Note>
        </output>
      )}
      {isUpdated(state) && state.version !== later && (
        <Updated onLater={() => setLater(state.version)} />
      )}
    </div>
  );
}

function Updated({ onLater }: { onLater: () => void }) {
  return (
    <output className="contents">
      <Note>
        <div className="min-w-0 flex-1">
          <p className="font-medium">{app.connection.updated}</p>
          <p className="text-sm text-muted">{app.connection.updatedDetail}</p>
        </div>
        <Button
          size="sm"
          variant="primary"
          icon={<RotateCw aria-hidden />}
          onClick={() => window.location.reload()}
        >
          {app.connection.reload}
        </Button>
        <IconButton size="sm" label={app.connection.later} onClick={onLater}>
          <X aria-hidden />
        </IconButton>
      </Note>
    </output>
  );
}

function Note({ children }: { children: ReactNode }) {
  return (
    <div className="pointer-events-auto flex w-full max-w-lg animate-rise items-center gap-3 rounded-lg border border-line bg-raised px-3 py-2 shadow-floating">
      {children}
    </div>
  );
}

/** The present by this machine's clock, every second while it matters. */
function useSeconds(running: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
