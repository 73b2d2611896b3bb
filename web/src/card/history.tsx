import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { queries } from "../api/queries";
import { card as say } from "../strings/card";
import { Button, ErrorState, Link, Skeleton, Time } from "../ui";
import { recent, wordsOf } from "./history-words";
import { Section } from "./section";

/** What happened to the card, newest first. */
export function History({ card }: { card: string }) {
  const query = useQuery(queries.cardHistory(card));
  const [all, setAll] = useState(false);
  const { events, more } = recent(query.data ?? [], all);
  return (
    <Section title={say.history.title}>
      {query.isPending && <Skeleton className="h-16" />}
      {query.isError && !query.data && (
        <ErrorState problem={query.error} retry={() => void query.refetch()} />
      )}
      <ol className="flex flex-col gap-1.5">
        {events.map((event) => {
          const { who, what } = wordsOf(event);
          return (
            <li
              key={event.seq}
              className="flex flex-wrap items-baseline gap-x-1.5 text-sm text-muted"
            >
              <span dir="auto" className="font-medium text-ink">
                {who}
              </span>
              <span>{what}</span>
              {event.run && event.kind === "run_started" && (
                <Link to="/runs/$run" params={{ run: event.run }}>
                  {say.history.run}
                </Link>
              )}
              <span aria-hidden>·</span>
              <Time at={event.at} className="text-faint" />
            </li>
          );
        })}
      </ol>
      {more > 0 && (
        <Button size="sm" variant="ghost" className="self-start" onClick={() => setAll(true)}>
          {say.history.more(more)}
        </Button>
      )}
    </Section>
  );
}
