import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { CircleHelp } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { useMay } from "../api";
import { queries } from "../api/queries";
import type { Review, Run } from "../api/types";
import { overlays } from "../app/overlays";
import { review as words } from "../strings/review";
import { Callout, IconButton, Link, PageHeader } from "../ui";
import { ChecksPanel } from "./checks-panel";
import { allowed, type Decision, decide, phaseOf } from "./decision";
import { DecisionBar } from "./decision-bar";
import { Newer, Returned, Status } from "./decision-status";
import { DiffSection } from "./diff-section";
import { DiffStates } from "./diff-states";
import { BaseLine, Meta, useBase } from "./meta";
import { useBar, useLayoutChoice } from "./page-hooks";
import { AskedPanel, FlaggedPanel, Panel, SummaryPanel } from "./panels";
import { useActs } from "./use-acts";
import { type DiffState, useDiff } from "./use-diff";
import { type KeptView, useKept } from "./use-kept";
import { isViewed } from "./viewed";

/** What the server says for the digest of a diff without lines. */
const EMPTY_DIGEST = "empty";

/** What a decision rests on, and the decision. */
export function ReviewView({ run, latest }: { run: Run; latest: Review }) {
  const { shown, isOld, showNew } = useShown(latest);
  const kept = useKept(run.id);
  const { state, retry } = useDiff(run.id, shown.commit);
  const seen = state.kind === "ready" ? state.commit : null;
  const deciding = phaseOf(run) === "decide";
  const base = useBase(run, deciding);
  const decision = useDecision(run, shown, state, kept, base.data);
  const bar = useRef<HTMLElement>(null);
  const { height, padding } = useBar(bar);
  const goTo = useRef<((path: string) => void) | null>(null);
  const [layout, setLayout] = useLayoutChoice();
  const { file } = useSearch({ from: "/runs/$run/review" });
  const { data: project } = useQuery(queries.project(run.project));
  const acts = useActs({ run, seen, decision, kept });

  return (
    <div className="flex flex-col">
      <PageHeader
        title={words.title(run.card_title)}
        heading={run.card_title}
        breadcrumbs={[
          <Link key="project" quiet to="/projects/$project" params={{ project: run.project }}>
            {project?.name ?? words.crumbProject}
          </Link>,
          <Link
            key="card"
            quiet
            to="/projects/$project"
            params={{ project: run.project }}
            search={{ card: run.card }}
          >
            {words.crumbCard}
          </Link>,
          <Link key="run" quiet to="/runs/$run" params={{ run: run.id }}>
            {words.crumbRun}
          </Link>,
          words.heading,
        ]}
      >
        <Meta run={run} review={shown} />
        {deciding && <BaseLine run={run} base={base} />}
      </PageHeader>
      <DecisionBar
        ref={bar}
        padding={padding}
        decision={decision}
        comments={kept.drafts.comments.length}
        approving={acts.approving}
        onApprove={acts.askApprove}
        onReject={() => acts.open("reject")}
        onReply={() => acts.open("reply")}
        tools={
          <IconButton
            label={words.decide.keys}
            className="max-lg:hidden"
            onClick={() => overlays.open("shortcuts")}
          >
            <CircleHelp aria-hidden />
          </IconButton>
        }
      >
        <Status run={run} decision={decision} seen={seen} replied={acts.replied} />
      </DecisionBar>
      <div className="flex flex-col gap-3 py-3">
        {isOld && latest.commit && (
          <Newer
            commit={latest.commit}
            onShow={() => {
              acts.forget();
              showNew();
            }}
          />
        )}
        {acts.remark}
        <Returned run={run} />
        {kept.volatile && <Callout tone="warn">{words.decide.volatile}</Callout>}
        <FlaggedPanel files={shown.files} onOpen={(path) => goTo.current?.(path)} />
        <div className="grid items-start gap-3 lg:grid-cols-2">
          <AskedPanel asked={shown.asked} />
          <div className="flex min-w-0 flex-col gap-3">
            <SummaryPanel summary={shown.summary} />
            <ChecksPanel run={run} evidence={shown.evidence} done={shown.commit !== null} />
          </div>
        </div>
        {state.kind === "ready" && shown.commit !== null && state.diff.files.length > 0 ? (
          <DiffSection
            key={shown.commit}
            run={run.id}
            diff={state.diff}
            commit={shown.commit}
            review={shown}
            kept={kept}
            inset={height}
            padding={padding}
            layout={layout}
            onLayout={setLayout}
            wanted={file}
            goTo={goTo}
          />
        ) : (
          <Panel title={words.diff.title}>
            <DiffStates
              run={run}
              commit={shown.commit}
              same={shown.digest === EMPTY_DIGEST}
              state={state}
              retry={retry}
            />
          </Panel>
        )}
      </div>
      {acts.dialogs}
    </div>
  );
}

/** The work that is on the page: a newer one waits until the reader wants it. */
function useShown(latest: Review) {
  const [pinned, setPinned] = useState(latest);
  const isOld = pinned.commit !== null && latest.commit !== pinned.commit;
  return { shown: isOld ? pinned : latest, isOld, showNew: () => setPinned(latest) };
}

function useDecision(
  run: Run,
  shown: Review,
  state: DiffState,
  kept: KeptView,
  base?: ReturnType<typeof useBase>["data"],
): Decision {
  const { viewed, drafts } = kept;
  const may = useMay();
  return useMemo(() => {
    const ready = state.kind === "ready" ? state : null;
    const flagged = new Set(
      shown.files.filter((one) => one.flags.length > 0).map((one) => one.path),
    );
    const files = ready?.diff.files ?? [];
    const unseen = files.filter(
      (one) => flagged.has(one.path) && !isViewed(viewed, one, ready?.commit ?? ""),
    );
    const open = decide({
      run,
      seen: ready?.commit ?? null,
      base: base ?? null,
      flaggedUnseen: unseen.map((one) => one.path),
      unreadable: ready?.diff.problems.length
        ? Math.max(1, files.filter((one) => one.problem).length)
        : 0,
      noDiff: ready !== null && files.length === 0,
      comments: drafts.comments.length,
      evidence: shown.evidence,
    });
    return allowed(open, {
      approve: may("run.approve"),
      reject: may("run.reject"),
      reply: may("run.reply"),
    });
  }, [run, shown, state, viewed, drafts, base, may]);
}
