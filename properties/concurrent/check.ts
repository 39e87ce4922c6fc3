/**
 * Which concurrent programs may be run: those that a provider and an author could have written.
 *
 * A probe's calls are made between its own enter and exit; a map that is held is given back by who holds it; a ring has
 * one reader. What breaks these has no right outcome. Nothing here knows what a call returns.
 */
import { CONTEXTS, OPERATIONS, REPLAY_CONFIG, REPLAY_MAPS, type OperationName, type ReplayMap } from "../../spec/protocol.ts";
import type { Operation } from "../operations.ts";
import type { ConcurrentContext, ConcurrentProgram } from "./program.ts";

/** What runtime-c/port/wasm32/concurrent.c has room for; a test compares them. */
export const CONTEXTS_MAX = 8;
export const CONTEXT_OPERATIONS_MAX = 16;
export const SETUP_OPERATIONS_MAX = 32;

interface Definition {
  readonly uses: readonly string[];
  readonly errors: readonly string[];
}

export function definitionOf(op: Operation): Definition | undefined {
  return op.name in OPERATIONS ? OPERATIONS[op.name as OperationName] : undefined;
}

/** A call on a map, whatever it is called; probe_enter's target is a probe. */
export function isMapCall(op: Operation): boolean {
  return op.name !== "probe_enter" && definitionOf(op)?.uses.includes("target") === true;
}

/** A call that works in the context that its own probe_enter gave. */
export function needsProbe(op: Operation): boolean {
  return op.name !== "map_release" && definitionOf(op)?.errors.includes("ESTATE") === true;
}

/** A call that writes to its CPU's ring, or may. */
export function writesRing(op: Operation): boolean {
  return op.name === "probe_exit" || op.name.startsWith("print_");
}

/**
 * The parts of its map that a call needs, a bit for each: those of one CPU or all (M13). A call that needs none is not
 * refused with EBUSY and makes nobody else be.
 */
export function partsOf(op: Operation, cpu: number): number {
  if (!isMapCall(op) || op.name === "map_size" || op.name === "map_release") return 0;
  if (MAPS[op.target]?.per_cpu !== true) return 1;
  return ONE_PART.has(op.name) ? 1 << cpu : (1 << REPLAY_CONFIG.cpus) - 1;
}

const MAPS: readonly ReplayMap[] = REPLAY_MAPS;
/** Of a per-CPU map. */
const ONE_PART: ReadonlySet<string> = new Set<OperationName>(["map_add", "map_stat_add", "map_hold"]);

/** Why a program may not be run, to stand behind a colon; or undefined. */
export function wrongWith(program: ConcurrentProgram): string | undefined {
  if (program.contexts.length === 0) return "it has no context";
  if (program.contexts.length > CONTEXTS_MAX) return `it has ${program.contexts.length} contexts; ${CONTEXTS_MAX} are the most`;
  if (program.setup.length > SETUP_OPERATIONS_MAX) return `its setup has ${program.setup.length} operations; ${SETUP_OPERATIONS_MAX} are the most`;
  for (const { context, operation } of program.clock) {
    const found = program.contexts.find(({ name }) => name === context);
    if (!found || operation >= found.operations.length) return `the clock jumps at operation ${operation} of ${context}, which does not exist`;
  }
  return wrongSetup(program.setup) ?? first(program.contexts, (context) => wrongContext(program, context)) ?? wrongReaders(program.contexts);
}

function first<T>(list: readonly T[], wrong: (item: T) => string | undefined): string | undefined {
  for (const item of list) {
    const found = wrong(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Every hit of the setup is over before a context begins. */
function wrongSetup(setup: readonly Operation[]): string | undefined {
  const inside = new Set<number>();
  for (const op of setup) {
    if (op.name === "probe_enter" && inside.has(op.cpu)) return `the setup enters a probe on CPU ${op.cpu} inside another one`;
    if (op.name === "probe_enter") inside.add(op.cpu);
    if (op.name === "probe_exit") inside.delete(op.cpu);
  }
  const [left] = inside;
  return left === undefined ? undefined : `the setup leaves a probe of CPU ${left} active`;
}

function wrongContext(program: ConcurrentProgram, context: ConcurrentContext): string | undefined {
  const { name, cpu, operations } = context;
  if (cpu >= REPLAY_CONFIG.cpus) return `${name} is on CPU ${cpu}; they are 0 to ${REPLAY_CONFIG.cpus - 1}`;
  if (operations.length > CONTEXT_OPERATIONS_MAX) return `${name} has ${operations.length} operations; ${CONTEXT_OPERATIONS_MAX} are the most`;
  for (const op of operations) if (op.cpu !== cpu && op.name !== "ring_read") return `${name} runs on CPU ${cpu}, but its ${op.name} is made on CPU ${op.cpu}`;
  return wrongHits(program, context) ?? wrongHolds(program, context);
}

function wrongHits(program: ConcurrentProgram, { name, level, cpu, operations }: ConcurrentContext): string | undefined {
  const others = program.contexts.filter((other) => other.name !== name && other.cpu === cpu);
  const hits = others.flatMap((other) => other.operations.filter((op) => op.name === "probe_enter").map((op) => ({ level: other.level, claimed: CONTEXTS[op.context] })));
  const meetsProbes = hits.length > 0;
  const meetsEarlyHit = hits.some((hit) => hit.claimed !== hit.level);
  let inside = false;
  for (const op of operations) {
    // A lower one: where the kernel has begun an interrupt and not yet said so, a hit looks like one of what it interrupts.
    if (op.name === "probe_enter" && op.context > CONTEXTS.indexOf(level)) return `${name} enters a probe at level ${CONTEXTS[op.context] ?? op.context}, which is above its own`;
    if (op.name === "probe_enter") inside = true;
    else if (needsProbe(op) && !inside && meetsProbes) return `${name} makes ${op.name} outside of a probe of its own, where it would meet another's`;
    else if (op.name === "probe_exit") inside = false;
    else if (isMapCall(op) && !inside && meetsEarlyHit) return `${name} makes ${op.name} outside of any probe, beside a hit of its CPU at a lower level than its own: to which row it belongs is not sure there`;
  }
  return inside ? `${name} ends inside a probe` : undefined;
}

function wrongHolds(program: ConcurrentProgram, { name, cpu, operations }: ConcurrentContext): string | undefined {
  const held = new Set<number>();
  for (const op of operations) {
    if (op.name === "map_hold" && held.has(op.target)) return `${name} holds a map that it holds already`;
    if (op.name === "map_hold") held.add(op.target);
    else if (op.name === "map_release" && !held.delete(op.target) && isUsed(program, name, cpu, op.target)) return `${name} gives back a map that another call of its CPU may hold`;
  }
  return held.size === 0 ? undefined : `${name} ends and still holds a map`;
}

/** By another context of that CPU, or held since the setup. */
function isUsed(program: ConcurrentProgram, name: string, cpu: number, map: number): boolean {
  const others = program.contexts.filter((other) => other.name !== name && other.cpu === cpu).flatMap(({ operations }) => operations);
  return others.some((op) => isMapCall(op) && op.target === map) || program.setup.some((op) => op.name === "map_hold" && op.target === map);
}

function wrongReaders(contexts: readonly ConcurrentContext[]): string | undefined {
  const readers = new Map<number, string>();
  for (const { name, operations } of contexts) {
    for (const op of operations) {
      if (op.name !== "ring_read") continue;
      if ((readers.get(op.cpu) ?? name) !== name) return `${readers.get(op.cpu)} and ${name} both read the ring of CPU ${op.cpu}: it has one reader`;
      readers.set(op.cpu, name);
    }
  }
  return undefined;
}
