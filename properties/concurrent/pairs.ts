/**
 * Every pair of calls, in every way in which one can meet the other, on every kind of map: exhaustive, but small.
 *
 * Operations come from spec/protocol.ts alone: one that is added there is in the pairs, with key or format as its arguments;
 * what else it needs is said here.
 * Siblings: generate.ts makes larger programs; survey.ts explores both.
 */
import { CONTEXTS, OPERATIONS, REPLAY_MAPS, SORTS, type Context, type OperationName, type ReplayMap } from "../../spec/protocol.ts";
import { bytes, formatOperation, operation, walkValue, type Argument, type Operation } from "../operations.ts";
import { isMapCall, needsProbe, writesRing } from "./check.ts";
import { LETTERS, type ConcurrentProgram } from "./program.ts";

export const OPERATION_NAMES = Object.keys(OPERATIONS) as OperationName[];
const MAPS: readonly ReplayMap[] = REPLAY_MAPS;

/** Operations in another form than the plain one: for pairs, calls of their own. */
const FORMS = {
  map_walk_remove: { of: "map_walk", fields: { value: walkValue(SORTS.insertion, 0, true) } },
  map_walk_newest: { of: "map_walk", fields: { value: walkValue(SORTS.insertion_desc, 1) } },
  print_map_remove: { of: "print_map", fields: { value: walkValue(SORTS.insertion, 0, true) } },
  map_contains_any: { of: "map_contains", fields: { value: 1n } },
} as const satisfies Record<string, { of: OperationName; fields: Partial<Operation> }>;
export type CallName = OperationName | keyof typeof FORMS;

/** All calls, in a fixed order. */
export const CALL_NAMES: readonly CallName[] = OPERATION_NAMES.flatMap((name): CallName[] => [name, ...(Object.keys(FORMS) as (keyof typeof FORMS)[]).filter((form) => FORMS[form].of === name)]);

/** The operation that a call makes. */
export function operationOf(call: CallName): OperationName {
  return call in FORMS ? FORMS[call as keyof typeof FORMS].of : (call as OperationName);
}

/** What operations take besides key or format (O1). */
const FIELDS: Partial<Record<OperationName, Partial<Operation>>> = {
  div: { args: [7n, 0n] }, // raises an error
  mod: { args: [7n, 2n] },
  map_set_string: { text: "text" },
  map_append: { text: "more" },
  map_push_string: { text: "next" },
  map_del_slice: { value: 1n },
  map_contains: { value: 0n },
  map_walk: { value: 0n },
  print_map: { value: 0n },
  ring_read: { value: 2n },
  str_copy: { args: [bytes("abc")] },
  str_quote: { args: [bytes("a\nb")] },
  str_concat: { args: [bytes("ab"), bytes("cd")] },
  str_substr: { args: [bytes("abcd"), 1n, 2n] },
  str_replace: { args: [bytes("abab"), bytes("b"), bytes("c")] },
  str_token: { args: [bytes("a,b"), bytes(","), 1n] },
  str_compare: { args: [bytes("ab"), bytes("ac")] },
  str_find: { args: [bytes("abc"), bytes("c")] },
  str_number: { args: [bytes("0x1f"), 0n] },
};

/** Maps on which a call is none of EINVAL (M1, M13, M16, P6). */
const SUITED: Partial<Record<OperationName, (map: ReplayMap) => boolean>> = {
  map_add: ({ value }) => value === "int64",
  map_set: ({ value, per_cpu }) => value === "int64" && !per_cpu,
  map_set_string: ({ value }) => value === "string",
  map_append: ({ value }) => value === "string",
  map_stat_add: ({ value }) => value === "stats",
  map_push: (map) => map.value === "int64" && !map.per_cpu && isList(map),
  map_push_string: (map) => map.value === "string" && isList(map),
  map_del_slice: ({ keys }) => keys.length > 0,
  print_hist: ({ hist }) => hist !== undefined,
};

function isList({ keys }: ReplayMap): boolean {
  return keys.length === 1 && keys[0] === "int64";
}

/** Whether an operation may do what it is for on a map. */
export function suits(name: OperationName, map: number): boolean {
  return SUITED[name]?.(MAPS[map]!) ?? true;
}

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
  readonly first: CallName;
  readonly second: CallName;
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

/** A map of each kind: all that differ in what a call on them does to its neighbours. */
export const MAP_KINDS: readonly string[] = ["ints", "strings", "pairs", "texts", "named", "recent", "sums", "sizes", "times"];

/** All pairs of all maps, those of the first map first. What makes no difference on another map is made on the first alone. */
export function everyPair(): Pair[] {
  return MAP_KINDS.flatMap((name) => allPairs(MAPS.findIndex((map) => map.name === name)));
}

/** All pairs on a map, in a fixed order. */
export function allPairs(map = 0): Pair[] {
  const calls = CALL_NAMES.filter((call) => suits(operationOf(call), map));
  return calls.flatMap((first) => calls.flatMap((second) => (map === 0 || areOfMap(first, second) ? pairsOf(first, second, map) : [])));
}

/** Pairs in which the new meets whoever adds: on every map each call with each that makes entries, interrupting it and at once with it. */
export function pairsWithAdds(): Pair[] {
  return everyPair().filter(({ first, second, placement, scene, inside, read }) => inside && !read && scene !== "last" && (placement === "nmi" || placement === "cpu") && (makesEntries(first) || makesEntries(second)));
}

function makesEntries(call: CallName): boolean {
  return (["map_add", "map_set_string", "map_append", "map_stat_add", "map_push", "map_push_string"] as CallName[]).includes(call);
}

/** Two calls that meet in the map, or of which one prints it and the other meets that in the ring. */
function areOfMap(first: CallName, second: CallName): boolean {
  const [one, other] = [operation(operationOf(first)), operation(operationOf(second))];
  if (isMapCall(one) && isMapCall(other)) return true;
  return (isMapCall(one) || isMapCall(other)) && meetsRing(one) && meetsRing(other);
}

function meetsRing(op: Operation): boolean {
  return writesRing(op) || op.name === "ring_read";
}

function pairsOf(first: CallName, second: CallName, map: number): Pair[] {
  if (isOwn(first) || isOwn(second)) return OWN_PLACEMENTS.map((placement) => ({ first, second, placement, scene: "same", map, inside: true, read: false }));
  return placementsOn(map).flatMap((placement) => scenesOf(first, second, map).flatMap((scene) => {
    const inside = { first, second, placement, scene, map, inside: true, read: false };
    return [
      ...((canBeBare(first) || canBeBare(second)) && placement !== "early" ? [{ ...inside, inside: false }] : []),
      inside,
      // What two writers of a ring leave is seen while they write by a third one only.
      ...(placement !== "cpu" && leavesRecords(first) && leavesRecords(second) ? [{ ...inside, read: true }] : []),
    ];
  }));
}

/** How a hit looks as what it is makes no difference to a map, but where it has a part for each level. */
function placementsOn(map: number): Placement[] {
  const all = Object.keys(PLACEMENTS) as Placement[];
  const hasLevels = MAPS[map]!.keys.length === 0;
  return map === 0 ? all : all.filter((placement) => placement !== "early" && (placement !== "softirq" || hasLevels));
}

/** A call that touches nothing but what its context has for itself: whoever comes between only has to leave that alone. */
function isOwn(call: CallName): boolean {
  const op = operation(operationOf(call));
  return !isMapCall(op) && !meetsRing(op) && !leavesRecords(call) && call !== "probe_enter";
}

const OWN_PLACEMENTS = ["irq", "nmi", "cpu"] as const satisfies readonly Placement[];

/** Of calls that meet in no map, the scene is the ring's. A map without keys has one entry. */
function scenesOf(first: CallName, second: CallName, map: number): readonly Scene[] {
  const isOfMap = [first, second].some((call) => isMapCall(operation(operationOf(call))));
  return isOfMap && MAPS[map]!.keys.length > 0 ? SCENES : ["same", "last"];
}

/** Whether a hit in which it is made has something for the ring. */
function leavesRecords(call: CallName): boolean {
  return call === "raise" || call === "div" || writesRing(operation(operationOf(call)));
}

function canBeBare(call: CallName): boolean {
  return call !== "probe_enter" && !needsProbe(operation(operationOf(call)));
}

export function programOf({ first, second, placement, scene, inside, read, map }: Pair): ConcurrentProgram {
  const { level, claims, cpu } = PLACEMENTS[placement];
  const isOne = scene === "same" || MAPS[map]!.keys.length === 0;
  const keys = [keyOf(map, isOne ? 1 : 8), keyOf(map, isOne ? 1 : scene === "last" ? 8 : 9)];
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
export function plainOperation(call: CallName, { cpu, map, key }: { readonly cpu: number; readonly map: number; readonly key: readonly Argument[] }): Operation {
  const name = operationOf(call);
  const uses: readonly string[] = OPERATIONS[name].uses;
  const printed = { text: "n%d", args: [7n] };
  return operation(name, {
    cpu,
    ...(uses.includes("target") && name !== "probe_enter" ? { target: map } : {}),
    ...(uses.includes("value") ? { value: 3n } : {}),
    ...(uses.includes("text") && !uses.includes("target") ? printed : uses.includes("args") ? { args: key } : {}),
    ...FIELDS[name],
    ...(call in FORMS ? FORMS[call as keyof typeof FORMS].fields : {}),
  });
}

/** The operation that makes an entry or, of statistics, adds to it; as setups need it. */
export function entryOperation(map: number, n: number, value: bigint, cpu = 0): Operation {
  const { value: type, per_cpu } = MAPS[map]!;
  const fields = { cpu, target: map, args: keyOf(map, n) };
  if (type === "string") return operation("map_set_string", { ...fields, text: `v${value}` });
  return operation(type === "stats" ? "map_stat_add" : per_cpu ? "map_add" : "map_set", { ...fields, value });
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
function body(call: CallName, place: Place): Operation[] {
  const { cpu, claims, probe, inside, ring, map } = place;
  const plain = (of: CallName): Operation => plainOperation(of, place);
  const enter = operation("probe_enter", { cpu, context: CONTEXTS.indexOf(claims), target: probe });
  const around = (operations: Operation[]): Operation[] => [enter, ...operations, plain("probe_exit")];
  if (call === "probe_enter") return around([]);
  if (call === "probe_exit") return around([plain("print_printf")]);
  if (call === "print_flush") return around([plain("print_printf"), plain("print_flush")]);
  if (call === "catch") return around([plain("raise"), plain("catch")]);
  if (needsProbe(operation(operationOf(call)))) return around([plain(call)]);
  const adds = MAPS[map]!.value === "string" ? "map_append" : MAPS[map]!.value === "stats" ? "map_stat_add" : "map_add";
  const made = call === "map_hold" ? [plain(call), plain("map_release")] : call === "map_release" ? [plain("map_hold"), plain(adds), plain(call)] : [call === "ring_read" ? { ...plain(call), cpu: ring } : plain(call)];
  return inside ? around(made) : made;
}

/** Entries of the map before: one, or all but one. In a per-CPU map, those of each part; a map without a key has one, or none. */
function entries(map: number, scene: Scene): Operation[] {
  const { keys, per_cpu, entries_max } = MAPS[map]!;
  const count = scene === "same" ? 1 : keys.length === 0 ? 0 : entries_max - 1;
  return Array.from({ length: count }, (_, i) => (per_cpu ? [0, 1] : [0]).map((cpu) => entryOperation(map, i + 1, BigInt(i + 5 + cpu), cpu))).flat();
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
