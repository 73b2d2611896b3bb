import { api } from "../../api/client";
import { Offline } from "../../api/problem";
import type { FromWorker, ToWorker } from "./message";
import type { Diff } from "./types";

/** Longest silence of the server while a diff comes in. */
const SILENCE_MS = 30_000;
/** Longest time that a diff at the bound may take to be read once all of it is there. */
const PARSE_MS = 60_000;

export interface Progress {
  bytes: number;
  files: number;
}

type Told = (progress: Progress) => void;

/** Fetches and reads the diff of a run. `told` hears how far it is. */
export async function loadDiff(run: string, signal: AbortSignal, told: Told): Promise<Diff> {
  const silence = new Watch(SILENCE_MS);
  const all = AbortSignal.any([signal, silence.signal]);
  try {
    const response = await api.raw("GET", "/runs/{run}/diff", {
      path: { run },
      signal: all,
      timeout: null,
      headers: { Accept: "text/plain, */*" },
    });
    return await readDiff(response.body, all, silence, told);
  } catch (error) {
    if (silence.signal.aborted && !signal.aborted) throw new Offline(true);
    throw error;
  } finally {
    silence.stop();
  }
}

async function readDiff(
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
  silence: Watch,
  told: Told,
): Promise<Diff> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  try {
    const reading = new Reading(worker, signal, told);
    const complete = body ? await pump(body, reading, silence) : true;
    silence.stop();
    return await reading.finish(complete);
  } finally {
    worker.terminate();
  }
}

/** Whether the stream came to its end; one that broke off still shows what came. */
async function pump(
  body: ReadableStream<Uint8Array>,
  reading: Reading,
  silence: Watch,
): Promise<boolean> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return true;
      silence.heard();
      if (!reading.chunk(value)) {
        await reader.cancel();
        return true;
      }
    }
  } catch (error) {
    reading.check();
    if (reading.bytes === 0) throw error instanceof TypeError ? new Offline() : error;
    return false;
  }
}

/** The page's end of one worker. */
class Reading {
  bytes = 0;
  #files = 0;
  #full = false;
  readonly #done: Promise<Diff>;

  constructor(
    private readonly worker: Worker,
    private readonly signal: AbortSignal,
    private readonly told: Told,
  ) {
    this.#done = new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
        if (data.kind === "done") resolve(data.diff);
        else if (data.kind === "full") this.#full = true;
        else this.#progress(data.files);
      };
      worker.onerror = (event) => reject(new Error(event.message || "the diff could not be read"));
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    // It is awaited at the end; a failure before that must not count as unheard.
    this.#done.catch(() => undefined);
  }

  chunk(bytes: Uint8Array): boolean {
    this.check();
    this.bytes += bytes.length;
    this.#progress(this.#files);
    const message: ToWorker = { kind: "chunk", bytes };
    this.worker.postMessage(message);
    return !this.#full;
  }

  finish(complete: boolean): Promise<Diff> {
    const message: ToWorker = { kind: "end", complete };
    this.worker.postMessage(message);
    return Promise.race([this.#done, new Watch(PARSE_MS).failure()]);
  }

  check(): void {
    this.signal.throwIfAborted();
  }

  #progress(files: number): void {
    this.#files = files;
    this.told({ bytes: this.bytes, files });
  }
}

/** A timer that every sign of life sets back. */
class Watch {
  readonly #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout>;

  constructor(private readonly ms: number) {
    this.#timer = this.#start();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  failure(): Promise<never> {
    return new Promise((_, reject) => {
      this.signal.addEventListener("abort", () => reject(this.signal.reason), { once: true });
    });
  }

  #start(): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#abort.abort(new Offline(true)), this.ms);
  }
}
