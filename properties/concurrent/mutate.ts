/**
 * Changes a concurrent program a little, for the fuzzer; what comes out may be run (check.ts).
 *
 * Sibling: generate.ts makes whole programs and the parts that are put in here.
 */
import { CONTEXTS, REPLAY_MAPS } from "../../spec/protocol.ts";
import type { Operation } from "../operations.ts";
import { fits } from "./bench.ts";
import { isMapCall, wrongWith } from "./check.ts";
import { nameFor, type ProgramGenerator } from "./generate.ts";
import { LETTERS, type ConcurrentContext, type ConcurrentProgram } from "./program.ts";

const TRIES_MAX = 20;

type Mutation = (program: ConcurrentProgram, other: ConcurrentProgram, generator: ProgramGenerator) => ConcurrentProgram;

/** A program that differs; the same if no try came out well. `other`: contexts may be taken from it. */
export function mutateProgram(program: ConcurrentProgram, other: ConcurrentProgram, generator: ProgramGenerator): ConcurrentProgram {
  for (let i = 0; i < TRIES_MAX; i++) {
    const mutant = MUTATIONS[generator.draw(MUTATIONS.length)]!(program, other, generator);
    if (mutant !== program && wrongWith(mutant) === undefined && fits(mutant)) return mutant;
  }
  return program;
}

/** What comes more often stands there more often. */
const MUTATIONS: readonly Mutation[] = [insertOperation, insertOperation, insertOperation, replaceOperation, replaceOperation, removeOperation, moveContext, addContext, addReader, removeContext, takeContext, changeSetup, changeClock];

/** The map that it is about. */
function mapOf({ contexts, setup }: ConcurrentProgram): number {
  return [...setup, ...contexts.flatMap(({ operations }) => operations)].find((op) => isMapCall(op) && op.target < REPLAY_MAPS.length)?.target ?? 0;
}

function withOperations(program: ConcurrentProgram, at: number, operations: readonly Operation[]): ConcurrentProgram {
  const { name } = program.contexts[at]!;
  const clock = program.clock.filter((step) => step.context !== name || step.operation < operations.length);
  return { ...program, clock, contexts: program.contexts.with(at, { ...program.contexts[at]!, operations }) };
}

function insertOperation(program: ConcurrentProgram, _other: ConcurrentProgram, generator: ProgramGenerator): ConcurrentProgram {
  const at = generator.draw(program.contexts.length);
  const { operations, cpu } = program.contexts[at]!;
  return withOperations(program, at, operations.toSpliced(generator.draw(operations.length + 1), 0, generator.operation(cpu, mapOf(program))));
}

function replaceOperation(program: ConcurrentProgram, _other: ConcurrentProgram, generator: ProgramGenerator): ConcurrentProgram {
  const { draw } = generator;
  const at = draw(program.contexts.length);
  const { operations, cpu } = program.contexts[at]!;
  if (operations.length === 0) return program;
  const index = draw(operations.length);
  const op = operations[index]!;
  const map = mapOf(program);
  const replaced = isMapCall(op) && draw(2) === 0 ? { ...op, args: generator.key(op.target), value: BigInt(draw(4)) } : generator.operation(cpu, map);
  return withOperations(program, at, operations.with(index, replaced));
}

function removeOperation(program: ConcurrentProgram, _other: ConcurrentProgram, { draw }: ProgramGenerator): ConcurrentProgram {
  const at = draw(program.contexts.length);
  const { operations } = program.contexts[at]!;
  return operations.length < 2 ? program : withOperations(program, at, operations.toSpliced(draw(operations.length), 1));
}

/** To another level or CPU; its hits keep looking as its level. */
function moveContext(program: ConcurrentProgram, _other: ConcurrentProgram, { draw }: ProgramGenerator): ConcurrentProgram {
  const at = draw(program.contexts.length);
  const context = program.contexts[at]!;
  const level = CONTEXTS[draw(CONTEXTS.length)]!;
  const cpu = draw(2);
  const operations = context.operations.map((op) => ({ ...op, ...(op.name === "ring_read" ? {} : { cpu }), ...(op.name === "probe_enter" ? { context: CONTEXTS.indexOf(level) } : {}) }));
  return renamed(program, at, { name: `${LETTERS[level]}${context.name.slice(1)}`, level, cpu, operations });
}

function renamed(program: ConcurrentProgram, at: number, context: ConcurrentContext): ConcurrentProgram {
  const { name } = program.contexts[at]!;
  return { ...program, contexts: program.contexts.with(at, context), clock: program.clock.map((step) => (step.context === name ? { ...step, context: context.name } : step)) };
}

function addContext(program: ConcurrentProgram, _other: ConcurrentProgram, generator: ProgramGenerator): ConcurrentProgram {
  return { ...program, contexts: [...program.contexts, generator.context(program.contexts, mapOf(program))] };
}

function addReader(program: ConcurrentProgram, _other: ConcurrentProgram, generator: ProgramGenerator): ConcurrentProgram {
  return { ...program, contexts: [...program.contexts, generator.reader(program.contexts)] };
}

function removeContext(program: ConcurrentProgram, _other: ConcurrentProgram, { draw }: ProgramGenerator): ConcurrentProgram {
  if (program.contexts.length < 2) return program;
  const at = draw(program.contexts.length);
  const { name } = program.contexts[at]!;
  return { ...program, contexts: program.contexts.toSpliced(at, 1), clock: program.clock.filter((step) => step.context !== name) };
}

function takeContext(program: ConcurrentProgram, other: ConcurrentProgram, { draw }: ProgramGenerator): ConcurrentProgram {
  const taken = other.contexts[draw(other.contexts.length)]!;
  return { ...program, contexts: [...program.contexts, { ...taken, name: nameFor(program.contexts, taken.level) }] };
}

function changeSetup(program: ConcurrentProgram, other: ConcurrentProgram, generator: ProgramGenerator): ConcurrentProgram {
  const { draw } = generator;
  const { setup } = program;
  if (draw(4) === 0) return { ...program, setup: other.setup };
  if (setup.length > 0 && draw(2) === 0) return { ...program, setup: setup.toSpliced(draw(setup.length), 1) };
  return { ...program, setup: setup.toSpliced(draw(setup.length + 1), 0, generator.operation(draw(2), mapOf(program))) };
}

function changeClock(program: ConcurrentProgram, _other: ConcurrentProgram, generator: ProgramGenerator): ConcurrentProgram {
  if (program.clock.length > 0) return { ...program, clock: [] };
  return program.contexts.every(({ operations }) => operations.length === 0) ? program : { ...program, clock: [generator.clockStep(program.contexts.filter(({ operations }) => operations.length > 0))] };
}
