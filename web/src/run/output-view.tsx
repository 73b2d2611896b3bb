import { Copy } from "lucide-react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useLiveState } from "../api/live-hooks";
import type { Run } from "../api/types";
import { run as words } from "../strings/run";
import {
  Button,
  Callout,
  EmptyState,
  IconButton,
  Loading,
  Select,
  Skeleton,
  Switch,
  toast,
} from "../ui";
import type { Journal, StepRun } from "./journal";
import { FindInOutput } from "./output-find";
import { OutputLines } from "./output-lines";
import { OutputModel, type OutputState } from "./output-model";
import { WholeOutput } from "./output-whole";
import type { Paper } from "./plain-paper";
import { kindSource } from "./source";

const KINDS = ["output"] as const;

async function terminal(): Promise<() => Paper> {
  const { Screen } = await import("./screen");
  return () => new Screen();
}

export interface OutputChoice {
  value: string;
  label: string;
  step: StepRun;
}

/** The steps whose output can be looked at, latest attempt first. */
export function outputChoices(told: Journal): OutputChoice[] {
  const several = told.attempts.filter((attempt) => attempt.kind === "execute").length > 1;
  const choices: OutputChoice[] = [];
  for (const attempt of [...told.attempts].reverse()) {
    const which =
      several && attempt.kind === "execute" ? `, ${words.row.epoch(attempt.epoch)}` : "";
    for (const step of attempt.steps) {
      choices.push({
        value: String(step.seq),
        label: `${words.stepName(step.name)}${which}`,
        step,
      });
    }
  }
  return choices;
}

/** Steps that run programs of the project or the agent. */
const PRINTING = new Set(["setup", "agent", "check", "land"]);

/** What somebody most likely wants to read: what runs, what failed, the agent. */
export function likelyChoice(choices: readonly OutputChoice[]): OutputChoice | undefined {
  const printing = choices.filter(({ step }) => PRINTING.has(step.name));
  return (
    printing.find(({ step }) => step.state === "running") ??
    printing.find(
      ({ step }) =>
        step.state === "failed" || step.checks.some((check) => check.state === "failed"),
    ) ??
    printing.find(({ step }) => step.name === "agent") ??
    choices.at(-1)
  );
}

interface OutputViewProps {
  run: Run;
  last: number;
  told: Journal;
  /** The seq of the step that is chosen, as the address has it. */
  chosen: string | undefined;
  onChoose: (seq: string) => void;
}

/** What a step printed, as a terminal shows it. */
export function OutputView({ run, last, told, chosen, onChoose }: OutputViewProps) {
  const choices = outputChoices(told);
  const choice = choices.find(({ value }) => value === chosen) ?? likelyChoice(choices);
  const [protocol, setProtocol] = useState(false);
  if (!choice) return <EmptyState title={words.output.none} />;
  return (
    <div className="flex h-full min-h-0 flex-col gap-2">
      <div className="flex flex-wrap items-center gap-2">
        <Select
          size="sm"
          aria-label={words.output.step}
          className="w-auto min-w-0 flex-1 sm:w-48 sm:flex-none"
          value={choice.value}
          onValueChange={onChoose}
          options={choices}
        />
        <WholeOutput run={run} />
      </div>
      <StepOutput
        key={`${choice.value}/${protocol}`}
        run={run}
        last={last}
        step={choice.step}
        protocol={protocol}
        onProtocol={setProtocol}
      />
    </div>
  );
}

interface StepOutputProps {
  run: Run;
  last: number;
  step: StepRun;
  protocol: boolean;
  onProtocol: (on: boolean) => void;
}

function useOutput({ run, last, step, protocol }: StepOutputProps, again: number) {
  const [model, setModel] = useState<OutputModel | null>(null);
  const { phase } = useLiveState();
  const began = step.seq;
  const known = useRef({ last, to: step.endSeq, name: step.name });
  known.current = { last, to: step.endSeq, name: step.name };
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new turn loads the terminal again.
  useEffect(() => {
    const { to, name } = known.current;
    const options = { step: name, from: began, to, protocol };
    const made = new OutputModel(kindSource(run.id, KINDS), options, terminal);
    setModel(made);
    made.hint(known.current.last);
    void made.open();
    return () => made.close();
  }, [run.id, began, protocol, again]);
  useEffect(() => model?.hint(last), [model, last]);
  useEffect(() => {
    if (step.endSeq !== null) model?.end(step.endSeq);
  }, [model, step.endSeq]);
  useEffect(() => {
    if (phase === "live") model?.retry();
  }, [model, phase]);
  return model;
}

const NOTHING: OutputState = { lines: 0, cut: false, idle: false, raw: false, problem: null };
const still = () => () => undefined;

function StepOutput(props: StepOutputProps) {
  const { step, protocol, onProtocol } = props;
  const [again, setAgain] = useState(0);
  const model = useOutput(props, again);
  const state = useSyncExternalStore(model?.subscribe ?? still, model?.state ?? (() => NOTHING));
  const running = step.state === "running";
  const [wrap, setWrap] = useState(true);
  const [follow, setFollow] = useState(true);
  const [found, setFound] = useState<number | null>(null);
  const empty = state.idle && state.lines === 0;
  return (
    <>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2 text-sm">
        <FindInOutput
          model={model}
          lines={state.lines}
          onFound={(line) => {
            setFound(line);
            if (line !== null) setFollow(false);
          }}
        />
        <Toggle label={words.output.wrap} on={wrap} set={setWrap} />
        <Toggle label={words.output.follow} on={follow} set={setFollow} />
        <Toggle label={words.output.protocol} on={protocol} set={onProtocol} />
        <span className="text-faint">{words.output.lines(state.lines)}</span>
        {model && state.lines > 0 && <CopyAll model={model} lines={state.lines} />}
      </div>
      {state.raw && (
        <Callout
          tone="warn"
          action={
            <Button size="sm" onClick={() => setAgain(again + 1)}>
              {words.output.rawRetry}
            </Button>
          }
        >
          {words.output.raw}
        </Callout>
      )}
      {state.problem !== null && (
        <Callout
          tone="warn"
          action={
            <Button size="sm" onClick={() => model?.retry()}>
              {words.activity.retry}
            </Button>
          }
        >
          {words.output.behind}
        </Callout>
      )}
      {state.cut && <p className="text-sm text-muted">{words.output.cut(state.lines)}</p>}
      {empty && <EmptyState title={running ? words.output.emptyRunning : words.output.empty} />}
      {!empty && (!model || state.lines === 0) && <Coming />}
      {model && state.lines > 0 && (
        <OutputLines
          // Lines are as high as they are wrapped: measured anew.
          key={String(wrap)}
          model={model}
          state={state}
          wrap={wrap}
          follow={follow}
          onFollow={setFollow}
          found={found}
        />
      )}
    </>
  );
}

function Coming() {
  return (
    <div className="flex flex-1 flex-col gap-1 rounded-lg border border-line bg-surface p-3">
      <Loading label={words.output.loading} />
      {["w-1/2", "w-2/3", "w-1/3", "w-3/4", "w-1/2"].map((width, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: patches without a name.
        <Skeleton key={at} className={`h-3.5 ${width}`} />
      ))}
    </div>
  );
}

function Toggle({ label, on, set }: { label: string; on: boolean; set: (on: boolean) => void }) {
  return <Switch label={label} checked={on} onCheckedChange={set} />;
}

/** Put together only when it is asked for: it may be megabytes. */
function CopyAll({ model, lines }: { model: OutputModel; lines: number }) {
  const copy = async () => {
    const text = Array.from({ length: lines }, (_, at) => model.text(at)).join("\n");
    try {
      await navigator.clipboard.writeText(text);
      toast.show({ title: words.output.copied(lines), tone: "ok" });
    } catch {
      toast.show({ title: words.output.copyFailed, tone: "warn" });
    }
  };
  return (
    <IconButton size="sm" label={words.output.copy} onClick={() => void copy()}>
      <Copy aria-hidden />
    </IconButton>
  );
}
