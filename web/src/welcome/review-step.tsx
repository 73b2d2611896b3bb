import { useQuery } from "@tanstack/react-query";
import { queries } from "../api/queries";
import { reasonText } from "../strings/reasons";
import { welcome as words } from "../strings/welcome";
import { ButtonLink, StateBadge } from "../ui";
import { type Checklist, phase } from "./checklist";
import { StartStep } from "./start-step";

/** What became of the run so far, and the way to it. */
export function ReviewStep({ list }: { list: Checklist }) {
  const text = words.steps.review;
  const id = list.run?.id ?? "";
  const { data: run } = useQuery({ ...queries.run(id), enabled: id !== "" });
  const agents = useQuery(queries.agents());
  const at = phase(run ?? list.run);
  const over = at === "ended" || at === "nothing";
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-2" role="status">
        {run !== undefined && <StateBadge state={run.state} reason={run.reason} />}
        <p className="text-muted">{text[at]}</p>
      </div>
      {over && run?.reason && <p className="text-danger-ink">{reasonText(run.reason)}.</p>}
      <div className="flex flex-wrap gap-2">
        {at === "decide" ? (
          <ButtonLink to="/runs/$run/review" params={{ run: id }} variant="primary">
            {text.review}
          </ButtonLink>
        ) : (
          id !== "" && (
            <ButtonLink to="/runs/$run" params={{ run: id }} variant="primary">
              {over ? text.look : text.watch}
            </ButtonLink>
          )
        )}
      </div>
      {over && <StartStep world={{ agents: agents.data ?? [] }} list={list} submit={text.again} />}
    </div>
  );
}
