/**
 * Every pair of operations, in every way in which one can meet the other: exhaustive, but small.
 *
 * Operations come from spec/protocol.ts alone: one that is added there is in the pairs.
 * Siblings: generate.ts makes larger programs; survey.ts explores both.
 */
import { CONTEXTS, OPERATIONS, REPLAY_MAPS, type Context, type OperationName, type ReplayMap } from "../../spec/protocol.ts";
import { bytes, formatOperation, operation, type Argument, type Operation } from "../operations.ts";
import { needsProbe } from "./check.ts";
import { LETTERS, type ConcurrentProgram } from "./program.ts";

export const OPERATION_NAMES = Object.keys(OPERATIONS) as OperationName[];
const MAPS: readonly ReplayMap[] = REPLAY_MAPS;

/** Where the second context is, and as what its hits look; the first is a task of CPU 0. */
export const PLACEMENTS = {
  task: { level: "task", claims: "task", cpu: 0 },
  softirq: { level: "softirq", claims: "softirq", cpu: 0 },
  irq: { level: "irq", claims: "irq", cpu: 0 },
  early: { level: "irq", claims: "task", cpu: 0 }, // in an interrupt's first lines, before the kernel knows that it is one
  nmi: { level: "nmi", claims: "nmi", cpu: 0 },
  cpu: { level: "task", claims: "task", cpu: 1 }, // a ring_read there is the reader of CPU 0
} as const satisfies Record<string, { level: Context; claims: Context; cpu: number }>;
export type Placement = keyof typeof PLACEMENTS;

/** What the two meet in: an entry that is there; room for one more entry, and both want to make the same one, or each its own. */
export const SCENES = ["same", "last", "rivals"] as const;
export type Scene = (typeof SCENES)[number];

export interface Pair {
  readonly first: OperationName;
  readonly second: OperationName;
  readonly placement: Placement;
  readonly scene: Scene;
  /** Inside a probe each, also where a call needs none. */
  readonly inside: boolean;
  /** CPU 1 reads the ring of CPU 0 meanwhile. */
  readonly read: boolean;
  /** Index of the map. */
  readonly map: number;
}

export function nameOfPair({ first, second, placement, scene, inside, read, map }: Pair): string {
  return `${first} ${second} ${placement} ${scene} ${inside ? "inside" : "bare"}${read ? " read" : ""} ${MAPS[map]!.name}`;
}

/** All pairs on a map, in a fixed order. */
export function allPairs(map = 0): Pair[] {
  const places = Object.keys(PLACEMENTS) as Placement[];
  return OPERATION_NAMES.flatMap((first) => OPERATION_NAMES.flatMap((second) => places.flatMap((placement) => SCENES.flatMap((scene) => {
    const pair = { first, second, placement, scene, map };
    const inside = { ...pair, inside: true, read: false };
    return [
      ...((canBeBare(first) || canBeBare(second)) && placement !== "early" ? [{ ...inside, inside: false }] : []),
      inside,
      // What two writers of a ring leave is seen while they write by a third one only.
      ...(placement !== "cpu" && needsProbe(operation(first)) && needsProbe(operation(second)) ? [{ ...inside, read: true }] : []),
    ];
  }))));
}

function canBeBare(name: OperationName): boolean {
  return name !== "probe_enter" && !needsProbe(operation(name));
}

export function programOf({ first, second, placement, scene, inside, read, map }: Pair): ConcurrentProgram {
  const { level, claims, cpu } = PLACEMENTS[placement];
  const keys = [keyOf(map, scene === "same" ? 1 : 8), keyOf(map, scene === "same" ? 1 : scene === "last" ? 8 : 9)];
  const readsFirst = first === "ring_read";
  return {
    setup: [...entries(map, scene), ...records(readsFirst && second === "ring_read" ? [0, cpu] : [0], scene)],
    contexts: [
      { name: "T0", level: "task", cpu: 0, operations: body(first, { claims: "task", probe: 0, cpu: 0, map, key: keys[0]!, inside, ring: 0 }) },
      // A ring has one reader: if both read, each has its own.
      { name: `${LETTERS[level]}1`, level, cpu, operations: body(second, { claims, probe: 1, cpu, map, key: keys[1]!, inside, ring: readsFirst ? 1 : 0 }) },
      ...(read ? [{ name: "T2", level: "task" as const, cpu: 1, operations: [operation("ring_read", { value: 3n })] }] : []),
    ],
    clock: [],
  };
}

/** The n-th key of a map; of one that does not exist, an empty one. */
export function keyOf(map: number, n: number): readonly Argument[] {
  return (MAPS[map]?.keys ?? []).map((type) => (type === "string" ? bytes(`k${n}`) : BigInt(n)));
}

/** The operation with plain arguments: a small value, and as many arguments as it needs. */
export function plainOperation(name: OperationName, { cpu, map, key }: { readonly cpu: number; readonly map: number; readonly key: readonly Argument[] }): Operation {
  const uses: readonly string[] = OPERATIONS[name].uses;
  const printed = { text: "n%d", args: [7n] };
  return operation(name, {
    cpu,
    ...(uses.includes("target") && name !== "probe_enter" ? { target: map } : {}),
    ...(uses.includes("value") ? { value: name === "map_walk" ? 0n : name === "ring_read" ? 2n : 3n } : {}),
    ...(uses.includes("text") ? printed : uses.includes("args") ? { args: key } : {}),
  });
}

interface Place {
  readonly claims: Context;
  readonly probe: number;
  readonly cpu: number;
  readonly map: number;
  readonly key: readonly Argument[];
  readonly inside: boolean;
  readonly ring: number;
}

/** What a context does so that the operation can be made there. */
function body(name: OperationName, place: Place): Operation[] {
  const { cpu, claims, probe, inside, ring } = place;
  const plain = (of: OperationName): Operation => plainOperation(of, place);
  const enter = operation("probe_enter", { cpu, context: CONTEXTS.indexOf(claims), target: probe });
  const around = (operations: Operation[]): Operation[] => [enter, ...operations, plain("probe_exit")];
  if (name === "probe_enter") return around([]);
  if (name === "probe_exit") return around([plain("print_printf")]);
  if (name === "print_flush") return around([plain("print_printf"), plain("print_flush")]);
  if (needsProbe(operation(name))) return around([plain(name)]);
  const made = name === "map_hold" ? [plain(name), plain("map_release")] : name === "map_release" ? [plain("map_hold"), plain("map_add"), plain(name)] : [name === "ring_read" ? { ...plain(name), cpu: ring } : plain(name)];
  return inside ? around(made) : made;
}

/** Entries of the map before: one, or all but one. */
function entries(map: number, scene: Scene): Operation[] {
  const count = scene === "same" ? 1 : MAPS[map]!.entries_max - 1;
  return Array.from({ length: count }, (_, i) => operation("map_set", { target: map, args: keyOf(map, i + 1), value: BigInt(i + 5) }));
}

/** Records of rings before: one, or so many that one more has room. */
function records(rings: readonly number[], scene: Scene): Operation[] {
  const one = (cpu: number): Operation[] => [operation("probe_enter", { cpu }), operation("print_printf", { cpu, text: "r" }), operation("probe_exit", { cpu })];
  return rings.flatMap((cpu) => (scene === "same" ? one(cpu) : [...one(cpu), ...one(cpu)]));
}

/** For messages. */
export function describe(program: ConcurrentProgram): string {
  return program.contexts.map(({ name, operations }) => `${name}: ${operations.map(formatOperation).join("; ")}`).join(" | ");
}
