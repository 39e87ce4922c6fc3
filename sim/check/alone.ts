/**
 * Each probe by itself: begin probes, every hit probe in turn, end probes, nothing interrupted. What goes wrong here has
 * one line of the author's to blame; what each hit needs is measured.
 *
 * Siblings: bench.ts; interleaved.ts comes after, from the states that this leaves.
 */
import { ACCESS_KINDS, kindOf, NOTE_WORDS } from "../access.ts";
import type { SimContext } from "../machine.ts";
import type { Course, Outcome } from "../run.ts";
import type { LossCounter, ProbeInfo } from "../sandbox.ts";
import type { Finding, Observer, Side } from "../watch/finding.ts";
import type { WasmInstance } from "../wasi.ts";
import { CHECK_CPUS, WARM_HITS, type Bench } from "./bench.ts";
import { breachOf, HIT_ACTIONS_MAX, HIT_OUTPUT_BYTES_MAX, HIT_STACK_BYTES_MAX, placesOf, SESSION_ACTIONS_MAX, type CheckFailure } from "./rules.ts";

/** The scenario of what fails without any interruption. */
export const ALONE = "alone";

/** The most that one uninterrupted hit of a probe needed. */
export interface Needs {
  readonly probe: ProbeInfo;
  readonly events: number;
  readonly actions: number;
  readonly stack_bytes: number;
  readonly output_bytes: number;
}

export interface AloneResult {
  readonly failures: readonly CheckFailure[];
  readonly needs: readonly Needs[];
}

/** Leaves the states "fresh" and "warm" with the bench, unless something fails. A hit that fails is told with a way to run it again. */
export function checkAlone(bench: Bench, onFailure?: (failure: CheckFailure, course: Course) => void): AloneResult {
  const solo = new Solo(bench, onFailure);
  solo.session("the begin probes", () => bench.sandbox.start());
  if (solo.failures.length === 0) bench.keep("fresh");
  for (let i = 0; i < WARM_HITS && solo.failures.length === 0; i++) for (const probe of bench.hitProbes) solo.hit(probe, i);
  if (solo.failures.length === 0) {
    bench.keep("warm");
    solo.session("the end probes", () => bench.sandbox.stop());
  }
  return { failures: solo.failures, needs: solo.needs };
}

class Solo {
  readonly failures: CheckFailure[] = [];
  readonly #needs = new Map<number, Needs>();
  readonly #bench: Bench;
  readonly #losses: LossObserver;
  readonly #onFailure: ((failure: CheckFailure, course: Course) => void) | undefined;

  constructor(bench: Bench, onFailure: ((failure: CheckFailure, course: Course) => void) | undefined) {
    this.#bench = bench;
    this.#onFailure = onFailure;
    this.#losses = new LossObserver(bench.watch, bench.sandbox.lossCounters());
  }

  get needs(): readonly Needs[] {
    return [...this.#needs.values()];
  }

  session(what: string, call: () => void): void {
    this.#fail(what, this.#run(0, SESSION_ACTIONS_MAX, call).outcome);
    this.#drain();
  }

  hit(probe: ProbeInfo, n: number): void {
    const { sandbox, machine } = this.#bench;
    const events = this.#bench.eventsOf(probe);
    const cpu = n % CHECK_CPUS;
    this.#bench.keep("before");
    sandbox.show({ ...events[n % events.length]!, cpu, context: "task" });
    const { outcome, context } = this.#run(cpu, HIT_ACTIONS_MAX, () => machine.instance.func("stp_sim_hit")(probe.index));
    const output_bytes = sandbox.readable(cpu);
    const old = this.#needs.get(probe.index);
    this.#needs.set(probe.index, {
      probe,
      events: Math.max(old?.events ?? 0, context.accesses),
      actions: Math.max(old?.actions ?? 0, HIT_ACTIONS_MAX - context.actions_left),
      stack_bytes: Math.max(old?.stack_bytes ?? 0, context.stack_bytes),
      output_bytes: Math.max(old?.output_bytes ?? 0, output_bytes),
    });
    const what = `hit ${n + 1}, of ${probe.provider} ${probe.target}`;
    this.#fail(what, outcome.finding?.kind === "budget" ? this.#unlimited(probe, outcome) : outcome);
    this.#judgeNeeds(context, output_bytes);
    const [failure] = this.failures;
    if (failure) this.#onFailure?.(failure, this.#bench.course("before", [{ name: "T0", cpu, level: "task", deed: { kind: "hit", probe, event: events[n % events.length]! } }]));
    else this.#drain();
  }

  /** A hit that used up its budget again, without one: if it does not end at all, that is the worse breach. */
  #unlimited(probe: ProbeInfo, limited: Outcome): Outcome {
    const { sandbox, machine } = this.#bench;
    this.#bench.back("fresh");
    sandbox.show({ ...this.#bench.eventsOf(probe)[0]!, cpu: 0, context: "task" });
    const again = this.#bench.alone(() => machine.instance.func("stp_sim_hit")(probe.index));
    return again.verdict === "hang" ? again : limited;
  }

  /** Limits that are known only when a hit is over. */
  #judgeNeeds(context: SimContext, output_bytes: number): void {
    if (this.failures.length > 0) return;
    const { instance } = this.#bench.machine;
    const [writer] = placesOf(instance, this.#losses.lastWriter ? [this.#losses.lastWriter] : []);
    for (const { counter, side } of this.#losses.seen) {
      if (counter.cause === "cut" || counter.kind === "map") continue; // a size that the author chose
      this.#add({ rule: "loss", detail: LOSS_TEXTS[counter.kind], places: placesOf(instance, [side]) });
    }
    if (output_bytes > HIT_OUTPUT_BYTES_MAX) this.#add({ rule: "budget", detail: `one hit printed ${output_bytes} bytes; it may print ${HIT_OUTPUT_BYTES_MAX}`, places: writer ? [writer] : [] });
    if (context.stack_bytes > HIT_STACK_BYTES_MAX) this.#add({ rule: "stack", detail: `one hit needed ${context.stack_bytes} bytes of stack; it may need ${HIT_STACK_BYTES_MAX}`, places: writer ? [writer] : [] });
  }

  #run(cpu: number, actions_max: number, call: () => unknown): { readonly outcome: Outcome; readonly context: SimContext } {
    this.#losses.clear();
    const outcome = this.#bench.alone(() => call() as undefined, { cpu, actions_max, observer: this.#losses });
    this.#bench.machine.watch(undefined);
    return { outcome, context: outcome.contexts[0]! };
  }

  /** The reader takes what is there, so that a ring is full only if one hit fills it. */
  #drain(): void {
    for (let cpu = 0; cpu < CHECK_CPUS; cpu++) this.#bench.sandbox.discard(cpu);
  }

  #fail(what: string, outcome: Outcome): void {
    const breach = breachOf(this.#bench.machine.instance, outcome);
    if (breach) this.#add({ ...breach, detail: `${what}: ${breach.detail}` });
  }

  #add(breach: Omit<CheckFailure, "scenario" | "schedule">): void {
    this.failures.push({ ...breach, scenario: ALONE, schedule: "T0:*" });
  }
}

const LOSS_TEXTS = {
  hit: "the hit was refused though nothing else ran",
  map: "a map call was refused though nothing else ran",
  string: "the hit took more strings than the pool of its level has: the rest are empty",
  record: "the hit printed more than the ring of its CPU holds: the rest was lost",
  read: "the hit had no pool string left to read into",
} as const satisfies Record<LossCounter["kind"], string>;

/** Watches the ledger besides: which of the author's lines lost something, and which wrote to the ring last. */
class LossObserver implements Observer {
  readonly seen: { readonly counter: LossCounter; readonly side: Side }[] = [];
  lastWriter: Side | undefined;
  readonly #inner: Observer;
  readonly #counters: ReadonlyMap<number, LossCounter>;

  constructor(inner: Observer, counters: ReadonlyMap<number, LossCounter>) {
    this.#inner = inner;
    this.#counters = counters;
  }

  clear(): void {
    this.seen.length = 0;
    this.lastWriter = undefined;
  }

  begin(instance: WasmInstance): void {
    this.#inner.begin(instance);
  }

  begun(context: SimContext): void {
    this.#inner.begun(context);
  }

  note(context: SimContext, words: Uint32Array, at: number): Finding | undefined {
    const kind = kindOf(words[at + NOTE_WORDS.what]!);
    const side = (what: string): Side => ({ context: context.name, cpu: context.cpu, site: words[at + NOTE_WORDS.site]!, caller: words[at + NOTE_WORDS.caller]!, what });
    if (kind & ACCESS_KINDS.WRITE) {
      if (words[at + NOTE_WORDS.caller] !== 0) this.lastWriter = side("is the last line that ran");
      const counter = (kind & ACCESS_KINDS.ATOMIC) !== 0 ? this.#counters.get(words[at + NOTE_WORDS.address]!) : undefined;
      if (counter && counter.cause !== "fault" && this.seen.length === 0) this.seen.push({ counter, side: side(counter.cause === "cut" ? "shortens a string" : `loses a ${counter.kind} (${counter.cause})`) });
    }
    return this.#inner.note(context, words, at);
  }

  migrated(context: SimContext, cpu: number): void {
    this.#inner.migrated(context, cpu);
  }

  ended(context: SimContext): Finding | undefined {
    return this.#inner.ended(context);
  }

  save(): unknown {
    return this.#inner.save();
  }

  restore(state: unknown): void {
    this.#inner.restore(state);
  }
}
