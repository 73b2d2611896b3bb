/** Server-sent events out of text that arrives in any pieces. Pure; after the HTML standard, 9.2. */

export interface SseEvent {
  event: string;
  data: string;
  id: string | null;
}

/** A hint is some hundred bytes; whatever sends more than this is not our server. */
const LONGEST = 4 * 1024 * 1024;

export class SseParser {
  private rest = "";
  private event = "";
  private data: string[] = [];
  private id: string | null = null;
  private size = 0;
  private first = true;

  /** The events that this piece completes, in order. Throws when an event has no end. */
  push(piece: string): SseEvent[] {
    const found: SseEvent[] = [];
    let text = this.rest + piece;
    if (this.first && text !== "") {
      text = text.replace(/^\uFEFF/, "");
      this.first = false;
    }
    let start = 0;
    for (;;) {
      const end = lineEnd(text, start);
      if (end === null) break;
      this.line(text.slice(start, end.at), found);
      start = end.next;
    }
    this.rest = text.slice(start);
    if (this.rest.length + this.size > LONGEST) throw new Error("an event without an end");
    return found;
  }

  private line(line: string, found: SseEvent[]): void {
    if (line === "") {
      if (this.data.length > 0) {
        found.push({ event: this.event || "message", data: this.data.join("\n"), id: this.id });
      }
      this.event = "";
      this.data = [];
      this.size = 0;
      return;
    }
    if (line.startsWith(":")) return;
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    this.size += line.length;
    if (name === "event") this.event = value;
    else if (name === "data") this.data.push(value);
    else if (name === "id" && !value.includes("\0")) this.id = value;
  }
}

/** Lines end in CR LF, LF or CR; a CR at the very end may be the half of a CR LF. */
function lineEnd(text: string, from: number): { at: number; next: number } | null {
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (char === "\n") return { at, next: at + 1 };
    if (char === "\r") {
      if (at + 1 === text.length) return null;
      return { at, next: text[at + 1] === "\n" ? at + 2 : at + 1 };
    }
  }
  return null;
}
