/** Why a line is not a list of words. */
export type WordsFault = "open_single" | "open_double" | "open_escape";

export type Split = { words: string[]; fault: WordsFault | null; shell: string | null };

/** What a shell would act on and a list of words does not. Longest first. */
const OPERATORS = ["&&", "||", ">>", "<<", "|", ";", "&", ">", "<", "`", "$", "*", "~"];
/** A tilde means something to a shell at the beginning of a word alone. */
const AT_START = new Set(["~"]);

/**
 * Splits a line into program and arguments with a shell's quoting and nothing else of a shell:
 * no variables, no pipes, no patterns. `shell` names the first thing that would need one.
 */
export function splitWords(line: string): Split {
  const words: string[] = [];
  let word: string | null = null;
  let shell: string | null = null;
  let i = 0;
  const add = (text: string) => {
    word = (word ?? "") + text;
  };
  const end = () => {
    if (word !== null) words.push(word);
    word = null;
  };
  while (i < line.length) {
    const c = line.charAt(i);
    if (c === "'") {
      const close = line.indexOf("'", i + 1);
      if (close < 0) return { words, fault: "open_single", shell };
      add(line.slice(i + 1, close));
      i = close + 1;
    } else if (c === '"') {
      const quoted = doubleQuoted(line, i + 1);
      if (quoted === null) return { words, fault: "open_double", shell };
      add(quoted.text);
      shell ??= quoted.shell;
      i = quoted.next;
    } else if (c === "\\") {
      if (i + 1 >= line.length) return { words, fault: "open_escape", shell };
      const escaped = line.charAt(i + 1);
      // A line goes on behind a backslash at its end.
      if (escaped !== "\n") add(escaped);
      i += 2;
    } else if (/\s/.test(c)) {
      end();
      i += 1;
    } else {
      shell ??= operatorAt(line, i, word === null);
      add(c);
      i += 1;
    }
  }
  end();
  return { words, fault: null, shell };
}

function operatorAt(line: string, at: number, start: boolean): string | null {
  const operator = OPERATORS.find((op) => line.startsWith(op, at));
  if (operator === undefined || (AT_START.has(operator) && !start)) return null;
  return operator;
}

function doubleQuoted(line: string, from: number) {
  let text = "";
  let shell: string | null = null;
  for (let i = from; i < line.length; i += 1) {
    const c = line.charAt(i);
    if (c === '"') return { text, shell, next: i + 1 };
    if (c === "\\" && /["\\$`\n]/.test(line.charAt(i + 1))) {
      i += 1;
      if (line.charAt(i) !== "\n") text += line.charAt(i);
      continue;
    }
    if (c === "$" || c === "`") shell ??= c;
    text += c;
  }
  return null;
}

/** A line that splits into exactly these words. */
export function joinWords(words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}

/** One word as a shell reads it. */
export function quoteWord(word: string): string {
  if (/^[A-Za-z0-9_./:=@%+,-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
