/**
 * Who calls whom in one object: the deepest stack below a function, and the kernel's functions that it reaches.
 *
 * Recursion and calls whose target nobody has named are problems, never guesses.
 */
import { followStack, isCold, type Call, type Flow } from "./flow.ts";
import type { Code } from "./disassembly.ts";

/** One entry of the table of indirect calls: it must match the object exactly. */
export interface IndirectCalls {
  /** The function that has them. */
  readonly caller: string;
  /** How many it has. */
  readonly count: number;
  /** What they may call; "program": the bodies of probes, which are measured by themselves. */
  readonly targets: readonly string[] | "program";
  readonly why: string;
}

/** A function on the deepest path, and what it has on the stack there, its return address counted. */
export interface Frame {
  readonly name: string;
  readonly bytes: number;
}

export interface Deepest {
  readonly bytes: number;
  readonly path: readonly Frame[];
}

export interface Graph {
  readonly names: readonly string[];
  readonly has: (name: string) => boolean;
  /** Functions of the object that call `name` themselves. */
  readonly callersOf: (name: string) => readonly string[];
  /** The deepest stack from the call of `name` on, its own return address counted. Undefined if a problem is in the way. */
  readonly deepest: (name: string) => Deepest | undefined;
  /** All that calls lead to from `roots`: for each function the one that called it first, undefined for a root. */
  readonly reach: (roots: readonly string[]) => Reached;
  readonly problems: () => readonly string[];
}

export interface Reached {
  readonly own: ReadonlyMap<string, string | undefined>;
  /** By name of the kernel's function: those that call it. */
  readonly kernel: ReadonlyMap<string, readonly string[]>;
}

const RETURN_ADDRESS = 8;

interface Edge {
  /** Of the caller's frame. */
  readonly depth: number;
  /** 0 for a tail call: the callee has the caller's. */
  readonly returnAddress: number;
  readonly to: string;
  readonly own: boolean;
}

export function buildGraph(functions: readonly Code[], indirect: readonly IndirectCalls[], noreturn: (symbol: string) => boolean): Graph {
  const codes = new Map(functions.filter((code) => !isCold(code.name)).map((code) => [code.name, code]));
  const starts = new Map([...codes.values()].map((code) => [code.address, code]));
  const flows = new Map<string, Flow>();
  const found = new Map<string, Deepest | "under way" | undefined>();
  const problems = new Set<string>();

  function flowOf(name: string): Flow {
    const known = flows.get(name);
    if (known) return known;
    const colds = functions.filter((code) => isCold(code.name) && code.name.replace(/\.cold.*$/, "") === name.replace(/@.*$/, ""));
    const flow = followStack(codes.get(name)!, colds, { startsAt: (address) => starts.get(address), noreturn });
    flows.set(name, flow);
    flow.problems.forEach((problem) => problems.add(problem));
    return flow;
  }

  function edges(name: string): Edge[] {
    return flowOf(name).calls.flatMap((call) => targetsOf(name, call).map(({ to, own }) => ({ to, own, depth: call.depth, returnAddress: call.kind === "call" ? RETURN_ADDRESS : 0 })));
  }

  function targetsOf(name: string, { to }: Call): { to: string; own: boolean }[] {
    if (to === "indirect") {
      const entry = indirect.find((candidate) => candidate.caller === name);
      if (!entry) problems.add(`${name}: it calls through a pointer, and indirect.ts does not say what that may be`);
      return entry ? (entry.targets === "program" ? [{ to: PROGRAM, own: true }] : entry.targets.map((target) => ({ to: target, own: codes.has(target) }))) : [];
    }
    if ("address" in to) {
      const code = starts.get(to.address);
      if (!code) problems.add(`${name}: it calls ${to.address}, where no function starts`);
      return code ? [{ to: code.name, own: true }] : [];
    }
    return [{ to: to.symbol, own: false }];
  }

  function staleEntries(): string[] {
    return indirect.flatMap(({ caller, count, targets }) => {
      if (!codes.has(caller)) return [`indirect.ts: ${caller} is not in the object; take the entry out`];
      const has = flowOf(caller).calls.filter((call) => call.to === "indirect").length;
      const missing = targets === "program" ? [] : targets.filter((target) => !codes.has(target));
      return [
        ...(has === count ? [] : [`indirect.ts: ${caller} has ${has} calls through a pointer and not ${count}; look at them and at the entry`]),
        ...missing.map((target) => `indirect.ts: ${target}, which ${caller} may call, is not in the object; look at the entry`),
      ];
    });
  }

  /** Without the return address of `name` itself. */
  function deepest(name: string): Deepest | undefined {
    if (name === PROGRAM) return { bytes: 0, path: [{ name, bytes: 0 }] };
    const known = found.get(name);
    if (known === "under way") {
      const cycle = [...found].filter(([, state]) => state === "under way").map(([member]) => member);
      problems.add(`recursion: ${[...cycle.slice(cycle.indexOf(name)), name].join(" calls ")}`);
      return undefined;
    }
    if (known) return known;
    found.set(name, "under way");
    let best: Deepest = { bytes: flowOf(name).frame, path: [{ name, bytes: flowOf(name).frame }] };
    for (const edge of edges(name)) {
      if (!edge.own && noreturn(edge.to)) continue; // the kernel ends there
      const below = edge.own ? deepest(edge.to) : { bytes: 0, path: [{ name: edge.to, bytes: 0 }] };
      const bytes = edge.depth + edge.returnAddress + (below?.bytes ?? 0);
      if (below && bytes > best.bytes) best = { bytes, path: [{ name, bytes: edge.depth }, ...returnTo(below.path, edge.returnAddress)] };
    }
    found.delete(name); // those under way stay in the order of their calls
    found.set(name, best);
    return best;
  }

  function reach(roots: readonly string[]): Reached {
    const own = new Map<string, string | undefined>(roots.filter((root) => codes.has(root)).map((root) => [root, undefined]));
    const kernel = new Map<string, string[]>();
    for (const name of own.keys()) {
      for (const edge of edges(name)) {
        if (edge.to === PROGRAM) continue;
        if (edge.own && !own.has(edge.to)) own.set(edge.to, name);
        if (!edge.own && !kernel.get(edge.to)?.includes(name)) kernel.set(edge.to, [...(kernel.get(edge.to) ?? []), name]);
      }
    }
    return { own, kernel };
  }

  staleEntries().forEach((problem) => problems.add(problem));
  return {
    names: [...codes.keys()],
    has: (name) => codes.has(name),
    callersOf: (name) => [...codes.keys()].filter((caller) => flowOf(caller).calls.some((call) => typeof call.to === "object" && "address" in call.to && starts.get(call.to.address)?.name === name)),
    deepest: (name) => {
      const inner = deepest(name);
      return inner && { bytes: inner.bytes + RETURN_ADDRESS, path: returnTo(inner.path, RETURN_ADDRESS) };
    },
    reach,
    problems: () => [...problems],
  };
}

/** Stands for the bodies of probes. */
const PROGRAM = "(the body of a probe)";

function returnTo([first, ...rest]: readonly Frame[], returnAddress: number): Frame[] {
  return first ? [{ name: first.name, bytes: first.bytes + returnAddress }, ...rest] : [];
}
