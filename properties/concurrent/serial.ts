/**
 * Is there a serial order of a run's calls in which the model gives what the run gave: every result, every output, and at
 * the end the whole dump with all counts?
 *
 * A context's calls stay in their order, and a call that ended before another began stays before it. Most calls take
 * effect at one point. Four kinds take more than one step, and others may come between these:
 *  - map_walk (M10): it begins, and then each visit is a call by itself, as the rule has it;
 *  - ring_read: each record is taken by itself (T4). It may find nothing while a write of that CPU is in progress (T5);
 *  - probe_exit: the flush comes first (X2), and is seen before the hit is over;
 *  - a call that is refused with EBUSY, where permit.ts allows it: the model is made to refuse by map_hold before and
 *    map_release after it, neither of which enters anything in the ledger (M6).
 * Where the schedule delays stores (sim/watch/stores.ts), calls of two CPUs are in no order of time, and what is read
 * without a lock may be of before: the size of a map (M11), whether there is a record (T4).
 * Sibling: permit.ts
 */
import { REPLAY_MAPS, type OperationName, type ReplayMap } from "../../spec/protocol.ts";
import { firstDifference } from "../dump.ts";
import type { Model } from "../model.ts";
import { encodeBatch, formatOperation, operation, type Operation } from "../operations.ts";
import { encoded } from "./encoded.ts";
import type { MadeOperation, Observation, Span } from "./bench.ts";
import { entriesOf, recordsOf, type Entry } from "./outputs.ts";
import { EBUSY, type Permits } from "./permit.ts";
import type { ConcurrentProgram } from "./program.ts";
import { ruleOf, ruleOfDumpLine, type Trouble } from "./trouble.ts";

/** Nodes of one search. Programs are small; more would be a fault of the search. */
export const SEARCH_NODES_MAX = 200_000;

const MAPS: readonly ReplayMap[] = REPLAY_MAPS;

/** How far a call of several steps has come. `step`: the next, as in MadeOperation.steps. */
type Stage =
  | { readonly kind: "flushed"; readonly step: 0 }
  | { readonly kind: "reading"; readonly step: number }
  | { readonly kind: "walking"; readonly step: number; readonly left: readonly string[] };

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
    return next.filter(mayCome).sort((a, b) => a.span.end - b.span.end);
  }

  #cpuOf({ context }: MadeOperation): number {
    return this.#program.contexts[context]!.cpu;
  }

  #after({ at, stages }: Position, { context, op }: MadeOperation, progress: Exclude<Progress, undefined>): Position {
    const walkers = stages.map((stage, other) => (other !== context && stage?.kind === "walking" ? this.#stillThere(other, at[other]!, op, stage) : stage));
    if (progress === "done") return { at: at.with(context, at[context]! + 1), stages: walkers.with(context, undefined) };
    return { at, stages: walkers.with(context, progress) };
  }

  /** M10: a walk skips what has been removed since. */
  #stillThere(context: number, at: number, op: Operation, stage: Extract<Stage, { kind: "walking" }>): Stage {
    const { target } = this.#calls[context]![at]!.op;
    if (!op.name.startsWith("map_") || op.target !== target) return stage;
    const there = this.#line.entries(target);
    return there ? { ...stage, left: stage.left.filter((key) => there.has(key)) } : stage; // held: nothing has changed
  }

  /** Steps by which a call may go on; each makes its calls on the model. */
  #stepsOf(call: MadeOperation, stage: Stage | undefined): (() => Progress)[] {
    const { op, result } = call;
    if (result === EBUSY && op.name.startsWith("map_")) return [() => this.#refused(call)];
    if (op.name === "map_walk" && result >= 0n) return stage?.kind === "walking" ? this.#visitSteps(call, stage) : [() => this.#beginWalk(call)];
    if (op.name === "ring_read" && op.value > 0n && result >= 0n) return this.#readSteps(call, stage?.step ?? 0);
    if (op.name === "probe_exit" && result === 0n && stage === undefined) return [() => this.#whole(call), () => this.#flushed(call)];
    if (op.name === "map_size" && this.#delayed) return [() => this.#whole(call), () => (this.#line.sizes(op).has(result) ? "done" : undefined)];
    return [() => this.#whole(call)];
  }

  #whole(call: MadeOperation): Progress {
    const { result, outputs } = this.#line.make(call.op);
    return result === call.result && Buffer.compare(outputs, call.outputs) === 0 ? "done" : undefined;
  }

  #flushed({ op }: MadeOperation): Progress {
    this.#line.make(aside("print_flush", op.cpu, 0));
    return { kind: "flushed", step: 0 };
  }

  #refused(call: MadeOperation): Progress {
    const { op } = call;
    const hold = this.#line.make(aside("map_hold", op.cpu, op.target));
    const progress = this.#whole(call);
    if (hold.result === 0n) this.#line.make(aside("map_release", op.cpu, op.target));
    return progress;
  }

  #beginWalk({ op }: MadeOperation): Progress {
    const begun = this.#line.make(op);
    return begun.result < 0n ? undefined : { kind: "walking", step: 1, left: entriesOf(op.target, begun.outputs).map(({ key }) => key) };
  }

  /** Its last step shows nothing: all that is left has been removed, or the visit was refused. */
  #visitSteps(call: MadeOperation, { step, left }: Extract<Stage, { kind: "walking" }>): (() => Progress)[] {
    const shown = entriesOf(call.op.target, call.outputs)[step - 1];
    if (shown) return [() => this.#visit(call, left, shown, step)];
    if (left.length === 0) return [() => "done"];
    return this.#permits.mayBeRefused(call, call.steps[step]) ? [() => this.#refuseVisit(call.op)] : [];
  }

  #visit({ op }: MadeOperation, [key, ...left]: readonly string[], shown: Entry, step: number): Progress {
    if (key !== shown.key || this.#line.entries(op.target)?.get(key) !== shown.value) return undefined;
    return { kind: "walking", step: step + 1, left };
  }

  /** M10: the walk ends there and is counted as refused, which a read of the held map is, too (X4). */
  #refuseVisit({ cpu, target }: Operation): Progress {
    const args = MAPS[target]!.keys.map((type) => (type === "string" ? new Uint8Array() : 0n));
    const hold = this.#line.make(aside("map_hold", cpu, target));
    this.#line.make(operation("map_get", { cpu, target, args }));
    if (hold.result === 0n) this.#line.make(aside("map_release", cpu, target));
    return "done";
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
    const writes = (name: Operation["name"]): boolean => name.startsWith("print_") || name === "probe_exit";
    return this.#calls.flat().some((other) => other.op.cpu === op.cpu && writes(other.op.name) && other.begin < end && begin < other.end);
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
  return stage ? `${stage.kind}${stage.step}${stage.kind === "walking" ? stage.left.join("") : ""}` : "";
}

interface Made {
  readonly result: bigint;
  readonly outputs: Uint8Array;
}

/** A line of calls on the model, which can be cut: then it is made again from its beginning. */
class ModelLine {
  readonly #model: Model;
  readonly #setup: Uint8Array | undefined;
  #line: Uint8Array[] = [];
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
    this.#catchUp();
    const batch = encoded(op);
    this.#line.push(batch);
    this.#made++;
    const results = this.#model.run(batch);
    this.last = { result: new DataView(results.buffer, results.byteOffset).getBigInt64(0, true), outputs: this.#model.outputs() };
    return this.last;
  }

  dump(): Uint8Array {
    this.#catchUp();
    return this.#model.dump();
  }

  digest(): bigint {
    this.#catchUp();
    return this.#model.digest();
  }

  /** Values of a map's entries by key, in insertion order; undefined if it is held. Changes nothing. */
  entries(target: number): ReadonlyMap<string, bigint> | undefined {
    this.#catchUp();
    const isHeld = this.#runAside(aside("map_hold", 0, target)) !== 0n;
    if (isHeld) return undefined;
    this.#runAside(aside("map_release", 0, target));
    this.#runAside(aside("map_walk", 0, target));
    return new Map(entriesOf(target, this.#model.outputs()).map(({ key, value }) => [key, value]));
  }

  /** Every size that the map has had along the line. */
  sizes(op: Operation): ReadonlySet<bigint> {
    this.#restart();
    const sizes = new Set([this.#runAside(op)]);
    for (const batch of this.#line) {
      this.#model.run(batch);
      sizes.add(this.#runAside(op));
    }
    this.#made = this.#line.length;
    return sizes;
  }

  /** What leaves the model as it was. */
  #runAside(op: Operation): bigint {
    const results = this.#model.run(encoded(op));
    return new DataView(results.buffer, results.byteOffset).getBigInt64(0, true);
  }

  #catchUp(): void {
    if (this.#made === this.#line.length) return;
    this.#restart();
    for (const batch of this.#line) this.#model.run(batch);
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
