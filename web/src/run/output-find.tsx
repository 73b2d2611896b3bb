import { ChevronDown, ChevronUp } from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import { run as words } from "../strings/run";
import { IconButton, Input } from "../ui";
import type { OutputModel } from "./output-model";

interface FindProps {
  model: OutputModel | null;
  lines: number;
  onFound: (line: number | null) => void;
}

/** Looks for words in the lines that are held; Enter goes up from the end. */
export function FindInOutput({ model, lines, onFound }: FindProps) {
  const [text, setText] = useState("");
  const [hits, setHits] = useState<{ at: number; lines: number[] } | null>(null);
  const look = (wanted: string) => {
    const words_ = wanted.toLowerCase();
    const found: number[] = [];
    for (let line = 0; model && words_ !== "" && line < lines; line++) {
      if (model.text(line).toLowerCase().includes(words_)) found.push(line);
    }
    // From the end: that is where one reads.
    const at = found.length - 1;
    setHits(wanted === "" ? null : { at, lines: found });
    onFound(found[at] ?? null);
  };
  const go = (by: number) => {
    if (!hits || hits.lines.length === 0) return;
    const at = (hits.at + by + hits.lines.length) % hits.lines.length;
    setHits({ ...hits, at });
    onFound(hits.lines[at] ?? null);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (hits) go(event.shiftKey ? 1 : -1);
    else look(text);
  };
  return (
    <search className="flex items-center gap-1">
      <Input
        type="search"
        aria-label={words.output.search}
        placeholder={words.output.search}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setHits(null);
        }}
        onKeyDown={onKeyDown}
        className="h-7 w-48 text-sm"
      />
      {hits && hits.lines.length > 0 && (
        <>
          <IconButton size="sm" label={words.search.previous} onClick={() => go(-1)}>
            <ChevronUp aria-hidden />
          </IconButton>
          <IconButton size="sm" label={words.search.next} onClick={() => go(1)}>
            <ChevronDown aria-hidden />
          </IconButton>
        </>
      )}
      <span role="status" className="text-muted">
        {hits &&
          (hits.lines.length === 0
            ? words.output.notFound
            : words.output.found(hits.at + 1, hits.lines.length))}
      </span>
    </search>
  );
}
