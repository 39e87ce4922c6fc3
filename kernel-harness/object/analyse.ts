/** One compiled module against the tables: the deepest stack of each call, and the kernel's functions that probes reach. */
import { MEASURED, shownName, type DeclaredCalls } from "./calls.ts";
import type { Allowed } from "./allowed.ts";
import type { Code } from "./disassembly.ts";
import { buildGraph, type Frame, type Graph, type IndirectCalls, type Reached } from "./graph.ts";

/** Most bytes of stack that a call of a probe's may take (DESIGN, §6). */
export const STACK_BYTES_MAX = 512;

export interface Tables {
  readonly calls: DeclaredCalls;
  readonly allowed: Readonly<Record<string, Allowed>>;
  readonly indirect: readonly IndirectCalls[];
  readonly notFromProbes: Readonly<Record<string, string>>;
  readonly taskHits: Readonly<Record<string, string>>;
}

export interface CallStack {
  readonly name: string;
  readonly stack_bytes: number;
  readonly path: readonly Frame[];
}

export interface KernelFunction {
  readonly name: string;
  /** Functions of ours that call it. */
  readonly reached_from: readonly string[];
  readonly allowed: boolean;
}

export interface ObjectReport {
  /** Deepest first. */
  readonly calls: readonly CallStack[];
  readonly kernel_functions: readonly KernelFunction[];
  readonly limit: number;
  /** Why the object is refused, a sentence each; none: it passes. */
  readonly problems: readonly string[];
}

/** Functions that make a hit of what happened. */
const HIT_CALLS = ["stp_probe_hit", "stp_probe_enter"];
const PROBE_BODY = /^stp_probe_\d+_body$/;

export function analyseObject(functions: readonly Code[], tables: Tables): ObjectReport {
  const graph = buildGraph(functions, tables.indirect, (symbol) => tables.allowed[symbol]?.noreturn === true);
  const { names, problems: forgotten } = measuredCalls(graph, tables);
  const handlers = hitHandlers(graph, tables);
  const bodies = graph.names.filter((name) => PROBE_BODY.test(name));
  const entries = [...names, ...handlers];
  const calls = entries.flatMap((name) => {
    const deepest = graph.deepest(name);
    return deepest ? [{ name: shownName(name), stack_bytes: deepest.bytes, path: deepest.path }] : [];
  });
  calls.sort((a, b) => b.stack_bytes - a.stack_bytes || (a.name < b.name ? -1 : 1));
  const reached = graph.reach([...entries, ...bodies]);
  const kernel_functions = [...reached.kernel]
    .map(([name, reached_from]) => ({ name, reached_from, allowed: name in tables.allowed }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    calls,
    kernel_functions,
    limit: STACK_BYTES_MAX,
    problems: [
      ...forgotten,
      ...missingEntries(graph, handlers, bodies, tables),
      ...graph.problems(),
      ...calls.flatMap(tooDeep),
      ...forbidden(kernel_functions, reached),
      ...staleEntries(graph, reached, tables),
    ],
  };
}

/** What the headers declare, as functions of the object. */
function measuredCalls(graph: Graph, { calls, notFromProbes }: Tables): { names: string[]; problems: string[] } {
  const measured = graph.names.filter((name) => name.startsWith(MEASURED));
  const functions = calls.functions.filter((name) => !(name in notFromProbes));
  const inlined = calls.inlined.filter((name) => !(name in notFromProbes));
  const declared = new Set([...calls.functions, ...calls.inlined]);
  return {
    names: [...measured, ...functions.filter(graph.has)],
    problems: [
      ...functions.filter((name) => !graph.has(name)).map((name) => `${name}: a header declares it, and it is not in the object`),
      ...inlined
        .filter((name) => !measured.some((symbol) => symbol === MEASURED + name || symbol.startsWith(`${MEASURED}${name}__`)))
        .map((name) => `${name}: everything.c has no function ${MEASURED}${name} to measure it`),
      ...Object.keys(notFromProbes).filter((name) => !declared.has(name)).map((name) => `not-from-probes.ts: no header declares ${name}; take the entry out`),
    ],
  };
}

/** The functions of providers from which hits come, with all that calls them: they run where the probe is. */
function hitHandlers(graph: Graph, { taskHits }: Tables): string[] {
  const found = new Set(HIT_CALLS.filter(graph.has));
  for (const name of found) graph.callersOf(name).filter((caller) => !(caller in taskHits)).forEach((caller) => found.add(caller));
  return [...found].filter((name) => !HIT_CALLS.includes(name));
}

/** Nothing may pass because its name has changed. */
function missingEntries(graph: Graph, handlers: readonly string[], bodies: readonly string[], { indirect }: Tables): string[] {
  return [
    ...(graph.has("stp_probe_hit") && handlers.length === 0 ? ["stp_probe_hit: no provider's handler calls it, so that none is looked at; see hitHandlers() in analyse.ts"] : []),
    ...(indirect.some(({ targets }) => targets === "program") && bodies.length === 0 ? ["stp_probe_N_body: the object has no body of a probe; look at STP_PROBE() and at PROBE_BODY in analyse.ts"] : []),
  ];
}

function tooDeep({ name, stack_bytes, path }: CallStack): string[] {
  return stack_bytes <= STACK_BYTES_MAX ? [] : [`${name}: it takes ${stack_bytes} bytes of stack, more than ${STACK_BYTES_MAX}: ${shownPath(path)}`];
}

/** `stp_raise_args 40 > stp_format 200`: bytes of each, its return address counted. */
export function shownPath(path: readonly Frame[]): string {
  return path.map(({ name, bytes }) => `${name} ${bytes}`).join(" > ");
}

function forbidden(functions: readonly KernelFunction[], reached: Reached): string[] {
  return functions.filter(({ allowed }) => !allowed).map(({ name, reached_from }) => `${name}: a probe reaches it, and allowed.ts does not have it: ${wayTo(reached_from[0]!, reached)} > ${name}`);
}

function wayTo(name: string, { own }: Reached): string {
  const way = [name];
  for (let caller = own.get(name); caller !== undefined; caller = own.get(caller)) way.unshift(caller);
  return way.join(" > ");
}

function staleEntries(graph: Graph, { kernel }: Reached, { allowed, taskHits }: Tables): string[] {
  return [
    ...Object.keys(allowed).filter((name) => !kernel.has(name)).map((name) => `allowed.ts: no probe reaches ${name}; take the entry out`),
    ...Object.keys(taskHits).filter((name) => !HIT_CALLS.some((hit) => graph.callersOf(hit).includes(name))).map((name) => `not-from-probes.ts: ${name} begins no hit; take the entry out`),
  ];
}
