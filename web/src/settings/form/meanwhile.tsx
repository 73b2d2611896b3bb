import { upperFirst } from "../../lib/text";
import { settings } from "../../strings/settings";
import { Button, Dialog } from "../../ui";
import { alike, valueText } from "./merge";
import type { Edited } from "./use-edited";

const words = settings.meanwhile;

interface MeanwhileProps<D, T> {
  edited: Edited<D, T>;
  names: Partial<Record<keyof D, string>>;
}

/** What somebody else changed while this was edited, beside what this person wants. */
export function MeanwhileDialog<D extends object, T>({ edited, names }: MeanwhileProps<D, T>) {
  const { met, choose, later } = edited;
  if (met === null) return null;
  const clash = met.clashes.length > 0;
  const text = (value: unknown) => valueText(value, words);
  return (
    <Dialog
      open
      size="lg"
      onOpenChange={(open) => {
        if (!open) later();
      }}
      title={words.title}
      description={clash ? words.clash : words.apart}
      footer={
        <>
          <Button onClick={() => choose("theirs")}>
            {clash ? words.takeTheirs : words.lookFirst}
          </Button>
          <Button variant="primary" onClick={() => choose("mine")}>
            {clash ? words.keepMine : words.saveBoth}
          </Button>
        </>
      }
    >
      <div className="overflow-x-auto">
        <table className="w-full border-collapse text-left">
          <caption className="sr-only">{words.title}</caption>
          <thead>
            <tr className="border-line border-b text-faint text-xs">
              {[words.field, words.was, words.now, words.yours].map((head) => (
                <th key={head} scope="col" className="h-8 px-2 font-medium">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {met.changed.map((field) => {
              const mine = alike(met.base[field], met.mine[field]) ? words.untouched : null;
              return (
                <tr key={String(field)} className="border-line border-b align-top last:border-b-0">
                  <th scope="row" className="px-2 py-1.5 font-medium">
                    {names[field] ?? upperFirst(String(field))}
                  </th>
                  <Cell text={text(met.base[field])} />
                  <Cell text={text(met.theirs[field])} />
                  {mine === null ? (
                    <Cell text={text(met.mine[field])} />
                  ) : (
                    <td className="px-2 py-1.5 text-faint">{mine}</td>
                  )}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Dialog>
  );
}

function Cell({ text }: { text: string }) {
  return (
    <td dir="auto" className="whitespace-pre-wrap break-words px-2 py-1.5">
      {text}
    </td>
  );
}
