/** What tests of the machine share: C texts compiled with it, and contexts put on it. Siblings: fixtures/, litmus/ */
import { readFileSync } from "node:fs";
import type { Context } from "../spec/protocol.ts";
import { runtimeSources } from "../spec/runtime.ts";
import { compileExplored, exploredCases, type ExploredCase, type ExploredSource } from "./explored.ts";
import { depthFirst, type DepthFirstOptions } from "./explore/depth-first.ts";
import { explore, failureOf, type ExploreFailure, type ExploreResult } from "./explore/explore.ts";
import { createMachine, type ContextSpec, type Machine, type SimContext } from "./machine.ts";
import { runSchedule, type Course } from "./run.ts";
import { restoreSnapshot, takeSnapshot, type Snapshot } from "./snapshot.ts";
import type { WasmValue } from "./wasi.ts";
import { Watch, type WatchOptions } from "./watch/watch.ts";

export type Level = "-O0" | "-O1" | "-O2";
export const LEVELS = ["-O0", "-O1", "-O2"] as const satisfies readonly Level[];

/** A C file of the project's sim/, e.g. "litmus/seqlock.c". */
export function sourceOf(path: string): ExploredSource {
  return { path: `sim/${path}`, text: readFileSync(new URL(path, import.meta.url), "utf8") };
}

/** The text with one piece of it replaced, wherever it stands. Throws if it is not there: a mutation must mutate. */
export function mutated({ path, text }: ExploredSource, piece: string, by: string): ExploredSource {
  if (!text.includes(piece)) throw new Error(`${path} no longer has ${piece}`);
  return { path, text: text.replaceAll(piece, by) };
}

/** A text that only needs its cases written, as a source. */
export function inline(text: string): ExploredSource {
  return { path: "test.c", text: `#include <stp_explore.h>\n${text}` };
}

/** The line on which a piece of a source stands first. Throws if it does not. */
export function lineOf({ path, text }: ExploredSource, piece: string): number {
  const at = text.indexOf(piece);
  if (at < 0) throw new Error(`${path} has no ${piece}`);
  return text.slice(0, at).split("\n").length;
}

/** All cases of a source. */
export async function casesOf(source: ExploredSource | string, watching: Omit<WatchOptions, "cpus"> = {}, level: Level = "-O2"): Promise<ExploredCase[]> {
  const { path, text } = typeof source === "string" ? inline(source) : source;
  return exploredCases(path, await compileExplored({ path, text }, { runtime: runtimeSources("wasm32"), level }), watching);
}

/** The only case of it, or the one of that name. */
export async function caseOf(source: ExploredSource | string, name?: string, watching: Omit<WatchOptions, "cpus"> = {}, level: Level = "-O2"): Promise<ExploredCase> {
  const cases = await casesOf(source, watching, level);
  const found = name === undefined ? cases[0] : cases.find((one) => one.name === name);
  if (!found) throw new Error(`There is no case ${name}`);
  return found;
}

/** Every schedule within the bounds. */
export function search({ course, check }: ExploredCase, options: DepthFirstOptions): ExploreResult {
  return explore({ course, check, explorer: depthFirst(options) });
}

/** What is wrong with one run, or undefined. */
export function replay({ course, check }: ExploredCase, schedule: string): ExploreFailure | undefined {
  return failureOf(runSchedule(course, schedule), check);
}

/** A context: its name gives the level, `cpu` is 0 unless told; `run` is a C function with an export name. */
export interface Part extends Omit<Partial<ContextSpec>, "name" | "level" | "call"> {
  readonly name: string;
  readonly run: string;
  readonly args?: readonly number[];
}

/** Level of a context by the first letter of its name. */
const LETTERS: Readonly<Record<string, Context>> = { T: "task", S: "softirq", I: "irq", N: "nmi" };
/** Contexts of a run on a bed at most. */
const PARTS_MAX = 64;

/** A machine with a C file on it, on which a test puts the contexts that it wants. */
export class Bed {
  readonly machine: Machine;
  readonly #begin: Snapshot;

  private constructor(machine: Machine) {
    this.machine = machine;
    machine.reserve(PARTS_MAX);
    this.#begin = takeSnapshot(machine);
  }

  static async create(source: ExploredSource): Promise<Bed> {
    return new Bed(await createMachine(await compileExplored(source, { runtime: runtimeSources("wasm32") })));
  }

  call(name: string, ...args: number[]): WasmValue {
    return this.machine.instance.func(name)(...args);
  }

  /** Fresh C state, fresh contexts; watched or not. */
  prepare(parts: readonly Part[], watch?: Watch): SimContext[] {
    restoreSnapshot(this.machine, this.#begin);
    this.machine.watch(watch);
    this.machine.reset();
    return parts.map((part) => this.spawn(part));
  }

  spawn({ name, run, args = [], cpu = 0, ...rest }: Part): SimContext {
    const main = this.machine.instance.func(run);
    return this.machine.spawn({ ...rest, name, cpu, level: LETTERS[name[0]!]!, call: () => main(...args) });
  }

  course(parts: readonly Part[], watching?: Omit<WatchOptions, "cpus">): Course {
    const { machine } = this;
    if (!watching) return { machine, prepare: () => this.prepare(parts) };
    const watch = new Watch({ cpus: 1 + Math.max(...parts.map(({ cpu = 0 }) => cpu)), ...watching });
    return { machine, watch, prepare: () => this.prepare(parts, watch) };
  }
}
