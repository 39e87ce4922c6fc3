/**
 * A world made up from a seed: tasks with names, users and memory maps, symbols, and the events of a mix of system calls.
 *
 * For probes that have no recording. It is the same for the same options, and nothing in it is taken from this machine.
 * Siblings: trace.ts runs a program over its events; spec/recording/event.ts is what a recorder makes instead.
 */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { EVENT_FLAGS, LIMITS } from "../spec/protocol.ts";
import { encodeEvent } from "../spec/recording/event.ts";
import type { TraceEvent } from "./trace.ts";

/** Tasks of one world. */
export const WORLD_TASKS_MAX = 100_000;
/** Events of one world: they are held in memory. */
export const WORLD_EVENTS_MAX = 10_000_000;

export interface WorldOptions {
  readonly seed: number;
  readonly tasks: number;
  readonly events: number;
  readonly cpus: number;
  /** Where the program attaches: each event is at one of these. */
  readonly points: readonly { readonly provider: string; readonly target: string }[];
}

/** A region of a task's memory, user addresses. */
export interface Mapping {
  readonly begin: bigint;
  readonly end: bigint;
  readonly path: string;
}

export interface WorldTask {
  readonly pid: number;
  readonly tid: number;
  readonly uid: number;
  readonly comm: string;
  readonly maps: readonly Mapping[];
  /** How often it makes a system call, against the others. */
  readonly weight: number;
}

export interface World {
  readonly tasks: readonly WorldTask[];
  /** Functions of its kernel, sorted by address. */
  readonly symbols: readonly { readonly address: bigint; readonly name: string }[];
  readonly events: readonly TraceEvent[];
}

const NAMES = ["bash", "cron", "dbus-daemon", "kworker/0:1", "nginx", "node", "postgres", "python3", "rsync", "sshd", "systemd", "vim"] as const;
const LIBRARIES = ["/usr/bin/", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "[heap]", "[stack]"] as const;
const USERS = [0, 0, 33, 105, 1000, 1001] as const;
const THREADS_MAX = 8;
const FIRST_PID = 300;
const TEXT_BASE = 0xffff_ffff_8100_0000n;
const USER_BASE = 0x0000_5500_0000_0000n;
const PAGE = 4096n;
/** Mean time between two events of the world, ns. */
const EVENT_GAP_NS = 20_000;
/** One pointer argument in so many points to no page of its task: a probe has to live with that. */
const BAD_POINTER_EVERY = 50;

/** Makes a world. Its events are in order of time. */
export function generateWorld(options: WorldOptions): World {
  const random = new Draws(options.seed);
  const tasks = makeTasks(options.tasks, random);
  const symbols = makeSymbols(options.points.map(({ target }) => target), random);
  return { tasks, symbols, events: makeEvents(options, tasks, random) };
}

function makeTasks(count: number, random: Draws): WorldTask[] {
  const tasks: WorldTask[] = [];
  for (let pid = FIRST_PID; tasks.length < count; pid += 1 + random.below(7)) {
    const comm = random.pick(NAMES);
    const uid = random.pick(USERS);
    const maps = makeMaps(comm, random);
    const threads = random.below(4) === 0 ? 1 + random.below(THREADS_MAX) : 1;
    for (let i = 0; i < threads && tasks.length < count; i++) {
      tasks.push({ pid, tid: pid + i, uid, comm: i === 0 ? comm : `${comm}:${i}`.slice(-LIMITS.COMM_SIZE.value + 1), maps, weight: 1 + random.below(10) ** 2 });
    }
    pid += threads - 1;
  }
  return tasks;
}

function makeMaps(comm: string, random: Draws): Mapping[] {
  let at = USER_BASE + BigInt(random.below(1 << 20)) * PAGE;
  return LIBRARIES.map((library) => {
    const begin = at;
    const end = begin + BigInt(1 + random.below(512)) * PAGE;
    at = end + BigInt(1 + random.below(1 << 16)) * PAGE;
    return { begin, end, path: library.endsWith("/") ? library + comm : library };
  });
}

function makeSymbols(targets: readonly string[], random: Draws): World["symbols"] {
  let address = TEXT_BASE;
  return [...new Set(targets)].sort().map((name) => ({ address: (address += BigInt(16 * (1 + random.below(200)))), name }));
}

function makeEvents({ events, cpus, points }: WorldOptions, tasks: readonly WorldTask[], random: Draws): TraceEvent[] {
  if (points.length === 0 || tasks.length === 0) return [];
  const sums: number[] = [];
  for (const { weight } of tasks) sums.push((sums.at(-1) ?? 0) + weight);
  const home = new Map(tasks.map((task) => [task, random.below(cpus)]));
  let time_ns = 1_000_000_000n;
  return Array.from({ length: events }, (_, order): TraceEvent => {
    const task = tasks[firstAbove(sums, random.below(sums.at(-1)!))]!;
    const cpu = random.below(8) === 0 ? random.below(cpus) : home.get(task)!; // now and then it has been moved
    home.set(task, cpu);
    time_ns += BigInt(1 + random.below(2 * EVENT_GAP_NS));
    return { ...random.pick(points), nth: 0, cpu, context: "task", time_ns, seen: seenBy(task, { time_ns, order: order + 1 }, random) };
  });
}

/** Index of the first of ascending numbers that is greater. */
function firstAbove(sums: readonly number[], at: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** An event's payload: the task, and arguments as system calls have them: a number, a pointer, small numbers. What else it looks at is made up when it does. */
function seenBy(task: WorldTask, at: { readonly time_ns: bigint; readonly order: number }, random: Draws): Uint8Array {
  const args = [BigInt(random.below(64)) - 1n, pointerOf(task, random), BigInt(random.below(4096)), BigInt(random.below(512)), 0n, 0n];
  return encodeEvent({ ...task, ...at, args: args.map((arg) => BigInt.asUintN(64, arg)), flags: EVENT_FLAGS.made_up });
}

function pointerOf({ maps }: WorldTask, random: Draws): bigint {
  const map = random.pick(maps);
  if (random.below(BAD_POINTER_EVERY) === 0) return map.end + PAGE;
  return map.begin + BigInt(random.below(Number(map.end - map.begin)));
}

class Draws {
  readonly #generator;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
  }

  below(count: number): number {
    return (this.#generator.next() >>> 0) % count;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}
