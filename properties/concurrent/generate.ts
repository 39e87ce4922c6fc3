/**
 * Seeded concurrent programs: a few contexts that meet at the same map, the same keys and the same ring.
 *
 * Operations and their arguments come from the sequential generator, whose names come from spec/protocol.ts. It never
 * steers away from an error, only from programs that nobody could write (check.ts).
 * Siblings: pairs.ts has the small ones; mutate.ts changes what is there.
 */
import { createDraw, type Draw } from "../../sim/explore/random.ts";
import { CONTEXTS, OPERATIONS, REPLAY_CONFIG, REPLAY_MAPS, SORT_FIELDS, type Context, type OperationName, type ReplayMap } from "../../spec/protocol.ts";
import { createGenerator } from "../generate.ts";
import { decodeBatch, operation, walkValue, type Argument, type Operation } from "../operations.ts";
import { fits } from "./bench.ts";
import { definitionOf, isMapCall, needsProbe, wrongWith } from "./check.ts";
import { entryOperation, keyOf, OPERATION_NAMES, plainOperation, suits } from "./pairs.ts";
import { LETTERS, type ClockStep, type ConcurrentContext, type ConcurrentProgram } from "./program.ts";

/** Contexts of a program, its reader not counted. */
export const GENERATED_CONTEXTS_MAX = 3;
/** Operations of one context, enter and exit not counted. */
export const GENERATED_OPERATIONS_MAX = 3;
/** Now and then one operation comes so often: more often than a probe has pool strings (B2). */
export const REPEATED_OPERATIONS = 4;
/** Operations from the sequential generator from which arguments are taken. */
const POOL_OPERATIONS = 8192;
/** Longest format: what a run prints is looked at byte by byte. */
const TEXT_BYTES_MAX = 48;
const CLOCK_STEPS_NS = [-1_000_000_000, -5_000, -1, 1, 5_000, 1_000_000_000] as const;
/** Of records that are unread as a run begins: two of the longer ones leave no room. */
const RECORD_TEXTS = ["r", "a longer text, to be read"] as const;
const TRIES_MAX = 100;
const MAPS: readonly ReplayMap[] = REPLAY_MAPS;

/** Made one by one inside a body; enter, exit, hold and release come in pairs, and the ring has its own reader. */
const FREE_NAMES: readonly OperationName[] = OPERATION_NAMES.filter((name) => !["probe_enter", "probe_exit", "map_hold", "map_release", "ring_read"].includes(name));

export type { Draw } from "../../sim/explore/random.ts";

export class ProgramGenerator {
  readonly draw: Draw;
  readonly #pool: ReadonlyMap<string, readonly Operation[]>;

  /** `seed`: an integer of 32 bits. */
  constructor(seed: number) {
    this.draw = createDraw(seed);
    this.#pool = poolOf(seed);
  }

  program(): ConcurrentProgram {
    for (let i = 0; i < TRIES_MAX; i++) {
      const program = this.#any();
      if (wrongWith(program) === undefined && fits(program)) return program;
    }
    throw new Error(`${TRIES_MAX} generated programs in a row were none that may be run`);
  }

  /** One operation, of those that may stand anywhere, on that map mostly, else on the next one; mostly one that the map has. */
  operation(cpu: number, main: number, names: readonly OperationName[] = FREE_NAMES): Operation {
    const { draw } = this;
    const map = draw(8) === 0 ? nextMap(main) : main;
    const suited = draw(16) === 0 ? names : names.filter((name) => suits(name, map));
    const name = suited[draw(suited.length)]!;
    const drawn = draw(4) === 0 ? this.#fromPool(name) : undefined;
    const op = drawn ?? plainOperation(name, { cpu, map, key: this.key(map) });
    return { ...op, cpu, value: this.#value(op), ...(isMapCall(op) && draw(16) !== 0 ? { target: map } : {}), ...(isMapCall(op) && definitionOf(op)!.uses.includes("args") && draw(16) !== 0 ? { args: this.key(map) } : {}) };
  }

  /** Of walks, some order, a small limit or none, now and then removing; of slices, a mask. */
  #value({ name, value }: Operation): bigint {
    const { draw } = this;
    if (name === "map_walk" || name === "print_map") return walkValue(draw(2) * draw(2 * SORT_FIELDS.length), draw(2) * draw(3), draw(3) === 0);
    if (name === "map_contains" || name === "map_del_slice") return BigInt(draw(4));
    return value;
  }

  /** One of the few keys that programs use. */
  key(map: number): readonly Argument[] {
    return keyOf(map, 1 + this.draw((MAPS[map]?.entries_max ?? 0) + 1));
  }

  /** A context that may stand beside those that are there. */
  context(others: readonly ConcurrentContext[], map: number): ConcurrentContext {
    const { draw } = this;
    const level: Context = CONTEXTS[draw(CONTEXTS.length)]!;
    const cpu = draw(3) === 0 ? 1 : 0;
    return { name: nameFor(others, level), level, cpu, operations: this.#body(level, cpu, map) };
  }

  /** Who reads a CPU's ring, from a CPU. */
  reader(others: readonly ConcurrentContext[]): ConcurrentContext {
    const { draw } = this;
    const ring = draw(4) === 0 ? 1 : 0;
    const operations = Array.from({ length: 1 + draw(3) }, () => operation("ring_read", { cpu: ring, value: BigInt(1 + draw(3)) }));
    return { name: nameFor(others, "task"), level: "task", cpu: draw(4) === 0 ? ring : 1 - ring, operations };
  }

  clockStep(contexts: readonly ConcurrentContext[]): ClockStep {
    const { draw } = this;
    const { name, operations } = contexts[draw(contexts.length)]!;
    return { context: name, operation: draw(operations.length), step_ns: CLOCK_STEPS_NS[draw(CLOCK_STEPS_NS.length)]! };
  }

  #any(): ConcurrentProgram {
    const { draw } = this;
    const map = draw(2) === 0 ? 0 : draw(MAPS.length);
    const contexts: ConcurrentContext[] = [];
    const count = 2 + draw(GENERATED_CONTEXTS_MAX - 1);
    for (let i = 0; i < count; i++) contexts.push(this.context(contexts, map));
    if (draw(2) === 0) contexts.push(this.reader(contexts));
    return { setup: this.#setup(map), contexts, clock: draw(4) === 0 ? [this.clockStep(contexts)] : [] };
  }

  #setup(map: number): Operation[] {
    const { draw } = this;
    const entries = Array.from({ length: draw(MAPS[map]!.entries_max + 1) }, (_, i) => entryOperation(map, i + 1, BigInt(draw(4)), draw(3) === 0 ? 1 : 0));
    const records = Array.from({ length: draw(3) }, () => draw(3) === 0 ? 1 : 0).flatMap((cpu) => [operation("probe_enter", { cpu }), operation("print_printf", { cpu, text: RECORD_TEXTS[draw(RECORD_TEXTS.length)]! }), operation("probe_exit", { cpu })]);
    const held = draw(24) === 0 ? [operation("map_hold", { cpu: draw(REPLAY_CONFIG.cpus), target: map })] : [];
    return [...entries, ...(draw(4) === 0 ? [operation("map_del", { target: map, args: this.key(map) })] : []), ...records, ...held];
  }

  #body(level: Context, cpu: number, map: number): Operation[] {
    const { draw } = this;
    const inside = draw(3) !== 0;
    const names = inside ? FREE_NAMES : FREE_NAMES.filter((name) => !needsProbe(operation(name)) || draw(16) === 0);
    const made = Array.from({ length: 1 + draw(GENERATED_OPERATIONS_MAX) }, () => this.operation(cpu, map, names));
    if (draw(16) === 0) made.splice(0, Infinity, ...Array<Operation>(REPEATED_OPERATIONS).fill(made[0]!));
    const body = draw(8) === 0 ? this.#held(made, cpu, map) : made;
    if (draw(64) === 0) body.splice(draw(body.length), 0, operation("map_release", { cpu, target: map }));
    if (!inside) return body;
    const highest = CONTEXTS.indexOf(level);
    const enter = operation("probe_enter", { cpu, context: draw(6) === 0 ? draw(highest + 1) : highest, target: draw(REPLAY_CONFIG.probes) });
    return [enter, ...(draw(12) === 0 ? [enter] : []), ...body, operation("probe_exit", { cpu })];
  }

  /** Some of the operations while a map is held: theirs, or the next one, so that two may wait for each other. */
  #held(made: readonly Operation[], cpu: number, map: number): Operation[] {
    const at = this.draw(made.length + 1);
    const target = this.draw(2) === 0 ? map : nextMap(map);
    return [operation("map_hold", { cpu, target }), ...made.slice(0, at), operation("map_release", { cpu, target }), ...made.slice(at)];
  }

  #fromPool(name: OperationName): Operation | undefined {
    const drawn = this.#pool.get(name);
    return drawn?.[this.draw(drawn.length)];
  }
}

function nextMap(map: number): number {
  return (map + 1) % MAPS.length;
}

export function nameFor(others: readonly ConcurrentContext[], level: Context): string {
  const numbers = others.map(({ name }) => Number(name.slice(1)));
  return `${LETTERS[level]}${Math.max(-1, ...numbers) + 1}`;
}

/** What the sequential generator makes of a seed, by name. */
function poolOf(seed: number): ReadonlyMap<string, readonly Operation[]> {
  const pool = new Map<string, Operation[]>();
  for (const op of decodeBatch(createGenerator(seed).batch(POOL_OPERATIONS)).operations) {
    if (!(op.name in OPERATIONS) || op.text.length > TEXT_BYTES_MAX || op.args.some((arg) => typeof arg !== "bigint" && arg.length > 2 * TEXT_BYTES_MAX)) continue;
    const same = pool.get(op.name);
    if (same) same.push(op);
    else pool.set(op.name, [op]);
  }
  return pool;
}
