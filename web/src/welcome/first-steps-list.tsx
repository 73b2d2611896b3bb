import { PartyPopper } from "lucide-react";
import { useEffect } from "react";
import { welcome as words } from "../strings/welcome";
import { Button, ButtonLink, PageHeader, toast } from "../ui";
import type { Checklist, World } from "./checklist";
import { hideFirstSteps } from "./first-steps";
import { homeProject } from "./last-project";
import { Step } from "./step";
import { StepBody } from "./step-body";

interface FirstStepsProps {
  world: World;
  list: Checklist;
  onShow: () => void;
  onHide: () => void;
}

export default function FirstStepsList({ world, list, onShow, onHide }: FirstStepsProps) {
  const done = list.steps.filter((step) => step.state === "done").length;
  // Who has seen them sees the end as well, here or after it came about on another page.
  useEffect(onShow, [onShow]);
  const hide = () => {
    toast.show({ title: words.hidden });
    onHide();
  };
  return (
    <div className="mx-auto max-w-3xl">
      <PageHeader
        title={words.title}
        actions={
          list.now !== null && (
            <Button variant="ghost" onClick={hide}>
              {words.hide}
            </Button>
          )
        }
      >
        {list.now !== null && <p className="max-w-prose text-muted">{words.lead}</p>}
        <p className="text-faint text-sm tabular-nums">{words.progress(done, list.steps.length)}</p>
      </PageHeader>
      {list.now === null && <Finished world={world} onClose={onHide} />}
      <ol className="flex flex-col gap-2">
        {list.steps.map((step, at) => (
          <Step
            key={step.id}
            id={step.id}
            number={at + 1}
            state={step.state}
            world={world}
            list={list}
          >
            {step.state === "now" && <StepBody id={step.id} world={world} list={list} />}
          </Step>
        ))}
      </ol>
    </div>
  );
}

/** Quietly: it is a beginning. */
function Finished({ world, onClose }: { world: World; onClose: () => void }) {
  const project = homeProject(world.projects);
  return (
    <section
      aria-labelledby="finished"
      className="mb-4 flex flex-wrap items-center gap-4 rounded-lg border border-line bg-ok-soft px-4 py-4"
    >
      <PartyPopper aria-hidden className="size-6 shrink-0 text-ok-ink" />
      <div className="min-w-0 flex-1 basis-64" role="status">
        <h2 id="finished" className="font-semibold text-lg text-ok-ink">
          {words.finished.title}
        </h2>
        <p className="text-ink">{words.finished.body}</p>
      </div>
      <div className="flex flex-wrap gap-2">
        <Button variant="ghost" onClick={onClose}>
          {words.finished.close}
        </Button>
        {project !== null && (
          <ButtonLink
            to="/projects/$project"
            params={{ project: project.id }}
            variant="primary"
            onClick={() => hideFirstSteps()}
          >
            {words.finished.board}
          </ButtonLink>
        )}
      </div>
    </section>
  );
}
