/**
 * Is there a serial order of a run's calls in which the model gives what the run gave: every result, every output, and at
 * the end the whole dump with all counts?
 *
 * A context's calls stay in their order, and a call that ended before another began stays before it. Most calls take
 * effect at one point. Some take more than one step, and others may come between these:
 *  - map_walk and print_map (M10): each begins, and then each visit is a call by itself, as the rule has it. A line is
 *    appended after its visit (P5);
 *  - print_hist reads the entry, then appends line after line (P6);
 *  - ring_read: each record is taken by itself (T4). It may find nothing while a write of that CPU is in progress (T5);
 *  - probe_exit: the flush comes first, then the record of an error (X2), and both are seen before the hit is over;
 *  - map_size of a per-CPU map is a sum over parts, each looked at by itself (M11); a call that changes all parts it may
 *    find in some of them;
 *  - a call that is refused with EBUSY, where permit.ts allows it: the model is made to refuse by map_hold before and
 *    map_release after it, neither of which enters anything in the ledger (M6).
 * Where the schedule delays stores (sim/watch/stores.ts), calls of two CPUs are in no order of time, and what is read
 * without a lock may be of before: the size of a map (M11), whether there is a record (T4).
 * Siblings: permit.ts; runtime-as/assembly/steps.ts makes the steps
 */
import { CONTEXTS, REPLAY_CONFIG, REPLAY_MAPS, type OperationName, type ReplayMap } from "../../spec/protocol.ts";
import { firstDifference } from "../dump.ts";
import type { Model, Step } from "../model.ts";
import { encodeBatch, formatOperation, operation, type Operation } from "../operations.ts";
import { encoded } from "./encoded.ts";
import type { MadeOperation, Observation, Span } from "./bench.ts";
import { isMapCall, writesRing } from "./check.ts";
import { entriesOf, recordsOf, type Entry } from "./outputs.ts";
import { EBUSY, type Permits } from "./permit.ts";
import type { ConcurrentProgram } from "./program.ts";
import { ruleOf, ruleOfDumpLine, type Trouble } from "./trouble.ts";

/** Nodes of one search. Programs are small; more would be a fault of the search. */
export const SEARCH_NODES_MAX = 200_000;

const MAPS: readonly ReplayMap[] = REPLAY_MAPS;
const CHANGES_ALL: ReadonlySet<string> = new Set<OperationName>(["map_clear", "map_del", "map_del_slice"]);
const WALKS: ReadonlySet<string> = new Set<OperationName>(["map_walk", "print_map"]);
/** In the value of a walk (O1). */
const WALK_REMOVES = 64n;

/** How far a call of several steps has come. `step`: the next, as in MadeOperation.steps. */
type Stage =
  | { readonly kind: "exiting"; readonly step: 0; readonly next: "report" | "end" }
  | { readonly kind: "reading"; readonly step: number }
  | WalkStage
  /** `texts`: what it read is appended line by line. */
  | { readonly kind: "drawing"; readonly step: 0; readonly read: string; readonly bytes: number }
  /** `sum` of the parts but those that are `left`. */
  | { readonly kind: "sizing"; readonly step: 0; readonly sum: bigint; readonly left: readonly number[] };

/** `shown`: entries so far; `text`: the line of the last is not yet appended. */
interface WalkStage {
  readonly kind: "walking";
  readonly step: number;
  readonly left: readonly Place[];
  readonly shown: number;
  readonly text: string | undefined;
}

/** An entry that a walk is to visit. */
interface Place {
  readonly key: string;
  /** Removed since (M10). */
  readonly gone: boolean;
}

/** Of a step: the call is over, goes on, or the model gives something else. */
type Progress = "done" | Stage | undefined;

interface Position {
  /** By context: its first call that is not over. */
  readonly at: readonly number[];
  readonly stages: readonly (Stage | undefined)[];
}

interface Next {
  readonly call: MadeOperation;
  readonly stage: Stage | undefined;
  readonly span: Span;
}

/** What differed where the search got furthest. */
interface Miss extends Trouble {
  readonly depth: number;
}

export interface SerialRun {
  readonly program: ConcurrentProgram;
  readonly observation: Observation;
  readonly permits: Permits;
  /** Whether its schedule delayed stores of one CPU while others ran. */
  readonly delayed: boolean;
}

export function serialTrouble(model: Model, run: SerialRun): Trouble | undefined {
  return new Search(model, run).trouble();
}

class Search {
  readonly #program: ConcurrentProgram;
  readonly #calls: readonly (readonly MadeOperation[])[];
  readonly #dump: Uint8Array;
  readonly #permits: Permits;
  readonly #delayed: boolean;
  readonly #line: ModelLine;
  readonly #seen = new Set<string>();
  #nodes = 0;
  #hasFailed = false;
  #miss: Miss | undefined;

  constructor(model: Model, { program, observation: { made, dump }, permits, delayed }: SerialRun) {
    this.#program = program;
    this.#calls = made;
    this.#dump = dump;
    this.#permits = permits;
    this.#delayed = delayed;
    this.#line = new ModelLine(model, program.setup);
  }

  trouble(): Trouble | undefined {
    const start: Position = { at: this.#calls.map(() => 0), stages: this.#calls.map(() => undefined) };
    if (this.#goOn(start, 0)) return undefined;
    return { rule: this.#miss!.rule, detail: `No serial order of the calls gives what the run gave; where it agrees longest, ${this.#miss!.detail}` };
  }

  #goOn(position: Position, depth: number): boolean {
    if (this.#nodes++ > SEARCH_NODES_MAX) throw new Error(`The search for a serial order has more than ${SEARCH_NODES_MAX} nodes`);
    const candidates = this.#enabled(position);
    if (candidates.length === 0) return this.#endsAlike(depth);
    if (this.#hasFailed && this.#wasHere(position)) return false;
    for (const { call, stage } of candidates) {
      const steps = this.#stepsOf(call, stage);
      if (steps.length === 0) this.#note({ rule: ruleOf(call.op), depth, detail: `${this.#nameOf(call)} ends before its time` });
      for (const step of steps) {
        const mark = this.#line.length;
        const progress = step();
        if (progress && this.#goOn(this.#after(position, call, progress), depth + 1)) return true;
        if (!progress) this.#note({ rule: ruleOf(call.op), depth, detail: this.#difference(call) });
        this.#line.back(mark);
        this.#hasFailed = true;
      }
    }
    return false;
  }

  /** Calls of which a step may come next, those that ended first in front. */
  #enabled({ at, stages }: Position): Next[] {
    const next = this.#calls.flatMap((calls, context): Next[] => {
      const call = calls[at[context]!];
      const stage = stages[context];
      return call ? [{ call, stage, span: call.steps[stage?.step ?? 0] ?? call }] : [];
    });
    const mayCome = (one: Next): boolean => next.every((other) => other.span.end > one.span.begin || (this.#delayed && this.#cpuOf(other.call) !== this.#cpuOf(one.call)));
    // Whoever interrupts has made all its calls before what it interrupted goes on.
    const waits = (one: Next): boolean => next.some((other) => this.#interrupts(other.call, one.call) && (at[other.call.context]! > 0 || other.stage !== undefined));
    return next.filter((one) => mayCome(one) && !waits(one)).sort((a, b) => a.span.end - b.span.end);
  }

  #cpuOf({ context }: MadeOperation): number {
    return this.#program.contexts[context]!.cpu;
  }

  #interrupts(one: MadeOperation, other: MadeOperation): boolean {
    const [above, below] = [this.#program.contexts[one.context]!, this.#program.contexts[other.context]!];
    return above.cpu === below.cpu && CONTEXTS.indexOf(above.level) > CONTEXTS.indexOf(below.level);
  }

  #after({ at, stages }: Position, { context, op }: MadeOperation, progress: Exclude<Progress, undefined>): Position {
    const walkers = stages.map((stage, other) => (other !== context && stage?.kind === "walking" ? this.#stillThere(other, at[other]!, op, stage) : stage));
    if (progress === "done") return { at: at.with(context, at[context]! + 1), stages: walkers.with(context, undefined) };
    return { at, stages: walkers.with(context, progress) };
  }

  /** M10: a walk skips what has been removed since. */
  #stillThere(context: number, at: number, op: Operation, stage: WalkStage): Stage {
    const { target } = this.#calls[context]![at]!.op;
    if (!isMapCall(op) || op.target !== target) return stage;
    const there = this.#line.entries(target);
    return { ...stage, left: stage.left.map((place) => (place.gone || there.has(place.key) ? place : { ...place, gone: true })) };
  }

  /** Steps by which a call may go on; each makes its calls on the model. */
  #stepsOf(call: MadeOperation, stage: Stage | undefined): (() => Progress)[] {
    const { op, result } = call;
    if (result === EBUSY && isMapCall(op)) return [() => this.#refused(call)];
    if (stage?.kind === "walking") return this.#walkSteps(call, stage);
    if (stage?.kind === "drawing") return [() => this.#draw(call, stage.read)];
    if (stage?.kind === "exiting") return [() => this.#exit(call, stage.next)];
    if (stage?.kind === "sizing") return stage.left.map((part) => () => this.#addSize(call, stage.sum, stage.left, part));
    if (op.name === "ring_read" && op.value > 0n && result >= 0n) return this.#readSteps(call, stage?.step ?? 0);
    if (op.name === "map_walk" && result >= 0n) return [() => this.#beginWalk(call)];
    if (!this.#isMet(call) || result < 0n) return [() => this.#whole(call)];
    if (op.name === "print_map") return [() => this.#whole(call), () => this.#beginWalk(call)];
    if (op.name === "print_hist") return [() => this.#whole(call), () => this.#beginHist(call)];
    if (op.name === "probe_exit") return [() => this.#whole(call), () => this.#exit(call, "begin")];
    if (op.name === "map_size") return [() => this.#whole(call), ...this.#sizeSteps(call)];
    return [() => this.#whole(call)];
  }

  /** Whether another call may have come between its steps. */
  #isMet(call: MadeOperation): boolean {
    return this.#delayed || this.#calls.some((calls, context) => context !== call.context && calls.some((other) => other.begin < call.end && call.begin < other.end));
  }

  #whole(call: MadeOperation): Progress {
    const { result, outputs } = this.#line.make(call.op);
    return result === call.result && Buffer.compare(outputs, call.outputs) === 0 ? "done" : undefined;
  }

  #exit({ op }: MadeOperation, step: "begin" | "report" | "end"): Progress {
    if (this.#line.step(op, step).result !== 0n) return undefined;
    return step === "end" ? "done" : { kind: "exiting", step: 0, next: step === "begin" ? "report" : "end" };
  }

  #sizeSteps(call: MadeOperation): (() => Progress)[] {
    const { op, result } = call;
    const steps: (() => Progress)[] = [];
    const parts = MAPS[op.target]?.per_cpu ? Array.from({ length: REPLAY_CONFIG.cpus }, (_, cpu) => cpu) : [];
    for (const part of parts) steps.push(() => this.#addSize(call, 0n, parts, part));
    if (this.#delayed || (parts.length > 0 && this.#meetsChange(call))) steps.push(() => (this.#line.sizes(op, parts.length || 1).has(result) ? "done" : undefined));
    return steps;
  }

  /** A call that changes all parts of the map changes them one after the other: meanwhile some are of before. */
  #meetsChange({ op: { target }, begin, end }: MadeOperation): boolean {
    return this.#calls.flat().some(({ op, ...other }) => isMapCall(op) && op.target === target && (CHANGES_ALL.has(op.name) || (WALKS.has(op.name) && (op.value & WALK_REMOVES) !== 0n)) && other.begin < end && begin < other.end);
  }

  #addSize({ op, result }: MadeOperation, sum: bigint, left: readonly number[], part: number): Progress {
    const added = sum + this.#line.size(op, part);
    const rest = left.filter((other) => other !== part);
    if (rest.length > 0) return { kind: "sizing", step: 0, sum: added, left: rest };
    return added === result ? "done" : undefined;
  }

  #refused(call: MadeOperation): Progress {
    const { op } = call;
    const hold = this.#line.make(aside("map_hold", op.cpu, op.target));
    const progress = this.#whole(call);
    if (hold.result === 0n) this.#line.make(aside("map_release", op.cpu, op.target));
    return progress;
  }

  #beginWalk({ op }: MadeOperation): Progress {
    const { result, outputs } = this.#line.step(op, "begin");
    if (result < 0n) return undefined;
    return { kind: "walking", step: op.name === "map_walk" ? 1 : 0, left: entriesOf(op.target, outputs).map(({ key }) => ({ key, gone: false })), shown: 0, text: undefined };
  }

  #walkSteps(call: MadeOperation, stage: WalkStage): (() => Progress)[] {
    if (stage.text !== undefined) return [() => (this.#line.step(call.op, "text").result < 0n ? undefined : { ...stage, text: undefined })];
    if (BigInt(stage.shown) < call.result) return [() => this.#visit(call, stage)];
    return this.#lastSteps(call, stage);
  }

  #visit(call: MadeOperation, stage: WalkStage): Progress {
    const { op } = call;
    const at = stage.left.findIndex(({ gone }) => !gone);
    const index = at < 0 ? -1 : [...this.#line.entries(op.target).keys()].indexOf(stage.left[at]!.key);
    if (index < 0) return undefined;
    const { result, outputs } = this.#line.step(op, "visit", index);
    if (result !== 0n) return undefined;
    const words = entriesOf(op.target, outputs)[0]!.words;
    const visited = { ...stage, left: stage.left.slice(at + 1), shown: stage.shown + 1 };
    if (op.name === "print_map") return { ...visited, text: words };
    return words === entriesOf(op.target, call.outputs)[stage.shown]!.words ? { ...visited, step: stage.step + 1 } : undefined;
  }

  /** The end of a walk shows nothing: nothing is left, all that is left has been removed, or the visit was refused. */
  #lastSteps(call: MadeOperation, { left, step }: WalkStage): (() => Progress)[] {
    if (left.length === 0) return [() => "done"];
    const steps: (() => Progress)[] = [];
    const isGone = left.every(({ gone }) => gone);
    // That nothing is left is found out by looking, which takes an action, or finds none.
    steps.push(() => (this.#line.step(call.op, "look").result < 0n || isGone ? "done" : undefined));
    if (this.#permits.mayBeRefused(call, call.steps[step])) steps.push(() => this.#refuseVisit(call.op));
    return steps;
  }

  /** M10: the walk ends there and is counted as refused, which a read of the held map is, too (X4). */
  #refuseVisit({ cpu, target }: Operation): Progress {
    const args = MAPS[target]!.keys.map((type) => (type === "string" ? new Uint8Array() : 0n));
    const hold = this.#line.make(aside("map_hold", cpu, target));
    this.#line.make(operation("map_get", { cpu, target, args }));
    if (hold.result === 0n) this.#line.make(aside("map_release", cpu, target));
    return "done";
  }

  #beginHist({ op, result }: MadeOperation): Progress {
    const begun = this.#line.step(op, "begin");
    return begun.result === result ? { kind: "drawing", step: 0, read: this.#line.digest().toString(16), bytes: -1 } : undefined;
  }

  #draw({ op }: MadeOperation, read: string): Progress {
    const { result } = this.#line.step(op, "text");
    if (result < 0n) return undefined;
    return result === 0n ? "done" : { kind: "drawing", step: 0, read, bytes: Number(result) };
  }

  #readSteps(call: MadeOperation, step: number): (() => Progress)[] {
    const record = recordsOf(call.outputs)[step];
    if (record) return [() => this.#takeRecord(call, record, step)];
    const nothing = (): Progress => (this.#line.make({ ...call.op, value: 1n }).result === 0n ? "done" : undefined);
    return this.#delayed || this.#isWritten(call) ? [() => "done"] : [nothing];
  }

  #takeRecord({ op, steps }: MadeOperation, record: Uint8Array, step: number): Progress {
    const made = this.#line.make({ ...op, value: 1n });
    if (made.result !== 1n || Buffer.compare(made.outputs, record) !== 0) return undefined;
    return step + 1 < steps.length ? { kind: "reading", step: step + 1 } : "done";
  }

  /** T5: what is reserved may not yet be seen while a write of that CPU is in progress. */
  #isWritten({ op, steps }: MadeOperation): boolean {
    const { begin, end } = steps.at(-1)!;
    return this.#calls.flat().some((other) => other.op.cpu === op.cpu && writesRing(other.op) && other.begin < end && begin < other.end);
  }

  #endsAlike(depth: number): boolean {
    const dump = this.#line.dump();
    if (Buffer.compare(dump, this.#dump) === 0) return true;
    const { expected, actual } = firstDifference(dump, this.#dump)!;
    this.#note({ rule: ruleOfDumpLine(expected), depth, detail: `at the end the runtime has "${actual.trim()}", the model "${expected.trim()}"` });
    return false;
  }

  #wasHere({ at, stages }: Position): boolean {
    const key = `${at.join()} ${stages.map(keyOfStage).join()} ${this.#line.digest()}`;
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    return false;
  }

  #note(miss: Miss): void {
    if (!this.#miss || miss.depth > this.#miss.depth) this.#miss = miss;
  }

  #difference(call: MadeOperation): string {
    const { result, outputs } = this.#line.last;
    if (call.op.name === "ring_read") return `${this.#nameOf(call)} takes other records than are there`;
    if (result !== call.result) return `${this.#nameOf(call)} gives ${call.result}, and the model ${result}`;
    return `${this.#nameOf(call)} gives other outputs than the model (${outputs.length / 8} words there)`;
  }

  #nameOf({ context, op }: MadeOperation): string {
    return `${this.#program.contexts[context]!.name}'s "${formatOperation(op)}"`;
  }
}

function keyOfStage(stage: Stage | undefined): string {
  return stage === undefined ? "" : JSON.stringify(stage, (_key, value: unknown) => (typeof value === "bigint" ? `${value}` : value));
}

interface Made {
  readonly result: bigint;
  readonly outputs: Uint8Array;
}

/** A call that the model made, or a step of one. */
interface Deed {
  readonly batch: Uint8Array;
  readonly step: Step | undefined;
  readonly index: number;
}

/** A line of calls on the model, which can be cut: then it is made again from its beginning. */
class ModelLine {
  readonly #model: Model;
  readonly #setup: Uint8Array | undefined;
  #line: Deed[] = [];
  /** Calls of it that the model has made; -1: it has made others. */
  #made = -1;
  last: Made = { result: 0n, outputs: new Uint8Array() };

  constructor(model: Model, setup: readonly Operation[]) {
    this.#model = model;
    this.#setup = setup.length > 0 ? encodeBatch(setup) : undefined;
  }

  get length(): number {
    return this.#line.length;
  }

  /** Forgets all but the first calls. */
  back(length: number): void {
    if (length === this.#line.length) return;
    this.#line.length = length;
    this.#made = -1;
  }

  make(op: Operation): Made {
    return this.#do({ batch: encoded(op), step: undefined, index: 0 });
  }

  step(op: Operation, step: Step, index = 0): Made {
    return this.#do({ batch: encoded(op), step, index });
  }

  dump(): Uint8Array {
    this.#catchUp();
    return this.#model.dump();
  }

  digest(): bigint {
    this.#catchUp();
    return this.#model.digest();
  }

  /** A map's entries by key, in insertion order. Changes nothing. */
  entries(target: number): ReadonlyMap<string, Entry> {
    this.#catchUp();
    this.#model.step(encoded(aside("map_walk", 0, target)), "peek");
    return new Map(entriesOf(target, this.#model.outputs()).map((entry) => [entry.key, entry]));
  }

  /** Entries of a part of a map. Changes nothing. */
  size(op: Operation, part: number): bigint {
    this.#catchUp();
    return BigInt(this.#model.step(encoded(op), "size", part));
  }

  /** Every sum of sizes that the parts of the map have had along the line. */
  sizes(op: Operation, parts: number): ReadonlySet<bigint> {
    const batch = encoded(op);
    const had = Array.from({ length: parts }, () => new Set<bigint>());
    const look = (): void => had.forEach((sizes, part) => sizes.add(BigInt(this.#model.step(batch, "size", part))));
    this.#restart();
    look();
    for (const deed of this.#line) {
      this.#perform(deed);
      look();
    }
    this.#made = this.#line.length;
    return had.reduce((sums, sizes) => new Set([...sums].flatMap((sum) => [...sizes].map((size) => sum + size))), new Set([0n]));
  }

  #do(deed: Deed): Made {
    this.#catchUp();
    this.#line.push(deed);
    this.#made++;
    const result = this.#perform(deed);
    this.last = { result, outputs: this.#model.outputs() };
    return this.last;
  }

  #perform({ batch, step, index }: Deed): bigint {
    if (step !== undefined) return BigInt(this.#model.step(batch, step, index));
    const results = this.#model.run(batch);
    return new DataView(results.buffer, results.byteOffset).getBigInt64(0, true);
  }

  #catchUp(): void {
    if (this.#made === this.#line.length) return;
    this.#restart();
    for (const deed of this.#line) this.#perform(deed);
    this.#made = this.#line.length;
  }

  #restart(): void {
    this.#model.init();
    if (this.#setup) this.#model.run(this.#setup);
  }
}

/** The search's own calls, made once. */
const asides = new Map<string, Operation>();

function aside(name: OperationName, cpu: number, target: number): Operation {
  const key = `${name} ${cpu} ${target}`;
  let op = asides.get(key);
  if (!op) asides.set(key, (op = operation(name, { cpu, target })));
  return op;
}
