/**
 * Records one run for a picture: every event with its place.
 *
 * Siblings: picture.ts draws it; watch/finding.ts
 */
import { ACCESS_KINDS, kindOf, NOTE_WORDS, sizeOfAccess } from "./access.ts";
import type { SimContext } from "./machine.ts";
import type { Picture, PictureEvent } from "./picture.ts";
import { runSchedule, type Course, type Outcome } from "./run.ts";
import { readSite } from "./sites.ts";
import type { Finding, Observer, Side } from "./watch/finding.ts";
import type { WasmInstance } from "./wasi.ts";

const { READ, WRITE, FENCE, LOCK, UNLOCK, CPU, QUIET } = ACCESS_KINDS;

/** Events that a picture is made of at most; the first ones go. */
const EVENTS_MAX = 20_000;

export interface Recording {
  readonly outcome: Outcome;
  readonly events: readonly PictureEvent[];
  readonly contexts: Picture["contexts"];
}

/** Runs a schedule and records it. */
export function record(course: Course, schedule: string): Recording {
  const { machine } = course;
  let recorder: Recorder | undefined;
  const prepare = (): readonly SimContext[] => {
    const contexts = course.prepare();
    recorder = new Recorder(machine.instance, course.watch);
    machine.watch(recorder);
    return contexts;
  };
  const outcome = runSchedule({ ...course, prepare }, schedule);
  const contexts = outcome.contexts.map(({ name, cpu, level }) => ({ name, cpu, level, what: "" }));
  machine.watch(course.watch);
  const sides = outcome.finding?.sides ?? (outcome.side ? [outcome.side] : []);
  return { outcome, contexts, events: marked(machine.instance, recorder?.events ?? [], sides, outcome) };
}

class Recorder implements Observer {
  readonly events: PictureEvent[] = [];
  readonly #instance: WasmInstance;
  readonly #inner: Observer | undefined;

  constructor(instance: WasmInstance, inner: Observer | undefined) {
    this.#instance = instance;
    this.#inner = inner;
  }

  begin(instance: WasmInstance): void {
    this.#inner?.begin(instance);
  }

  begun(context: SimContext): void {
    this.#inner?.begun(context);
  }

  note(context: SimContext, words: Uint32Array, at: number): Finding | undefined {
    const what = words[at + NOTE_WORDS.what]!;
    const text = describe(kindOf(what), sizeOfAccess(what));
    if (text !== undefined) {
      const [site, caller] = [readSite(this.#instance, words[at + NOTE_WORDS.site]!), readSite(this.#instance, words[at + NOTE_WORDS.caller]!)];
      this.events.push({ context: context.name, cpu: context.cpu, level: context.level, what: text, ...(site ? { site } : {}), ...(caller ? { caller } : {}) });
      if (this.events.length > EVENTS_MAX) this.events.shift();
    }
    return this.#inner?.note(context, words, at);
  }

  migrated(context: SimContext, cpu: number): void {
    this.#inner?.migrated(context, cpu);
  }

  ended(context: SimContext): Finding | undefined {
    return this.#inner?.ended(context);
  }

  save(): unknown {
    return this.#inner?.save();
  }

  restore(state: unknown): void {
    this.#inner?.restore(state);
  }
}

/** Undefined if it is not worth a row. */
function describe(kind: number, size: number): string | undefined {
  if (kind & (READ | WRITE)) return `${(kind & (READ | WRITE)) === (READ | WRITE) ? "changes" : kind & WRITE ? "writes" : "reads"} ${size}`;
  if (kind & LOCK) return "takes the lock";
  if (kind & UNLOCK) return "gives the lock back";
  if (kind & CPU) return "enters a section";
  if (kind & QUIET) return "all hits are over";
  return kind & FENCE ? undefined : "";
}

/** Marks the last event at each side's place; without any, the last of all. */
function marked(instance: WasmInstance, events: readonly PictureEvent[], sides: readonly Side[], outcome: Outcome): PictureEvent[] {
  const all = [...events];
  let any = false;
  for (const { context, site: address, what } of sides) {
    const site = readSite(instance, address);
    const at = all.findLastIndex((event) => event.context === context && event.site?.path === site?.path && event.site?.line === site?.line);
    if (at < 0) continue;
    all[at] = { ...all[at]!, mark: what };
    any = true;
  }
  if (!any && all.length > 0 && outcome.verdict !== "completed") all[all.length - 1] = { ...all.at(-1)!, mark: outcome.detail };
  return all;
}
