/**
 * Shrinks a failing list of operations: fewer first, then simpler ones.
 *
 * It only asks whether a list still fails, so it works for any target. Bounded by `TRIES_MAX`.
 */
import { OPERATIONS, type OperationName } from "../spec/protocol.ts";
import { formatOperation, operation, type Argument, type Operation } from "./operations.ts";

/** Lists that one shrinking tries at most. */
export const TRIES_MAX = 5000;

/** Longest list of which every pair is tried. */
const PAIRS_OPERATIONS_MAX = 32;

export type Fails = (operations: readonly Operation[]) => Promise<boolean>;

/** A list that still fails and from which no single operation can be left out (unless the tries were used up). */
export async function shrink(operations: readonly Operation[], fails: Fails): Promise<readonly Operation[]> {
  let tries = 0;
  const bounded: Fails = async (candidate) => tries++ < TRIES_MAX && (await fails(candidate));
  let current = operations;
  for (;;) {
    const fewer = await removePairs(await removeChunks(current, bounded), bounded);
    const simpler = await simplify(fewer, bounded);
    if (simpler.length === current.length && simpler.every((op, i) => op === current[i])) return simpler;
    current = simpler;
  }
}

/** Leaves out halves, quarters, … and at last single operations, as long as what remains fails. */
async function removeChunks(operations: readonly Operation[], fails: Fails): Promise<readonly Operation[]> {
  let current = operations;
  for (let size = Math.ceil(current.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = current.length - size; at > -size; at -= size) {
      const candidate = [...current.slice(0, Math.max(at, 0)), ...current.slice(at + size)];
      if (candidate.length < current.length && (await fails(candidate))) current = candidate;
    }
  }
  return current;
}

/** Leaves out any two operations at once, which one by one are both needed: one takes back what the other did. */
async function removePairs(operations: readonly Operation[], fails: Fails): Promise<readonly Operation[]> {
  if (operations.length > PAIRS_OPERATIONS_MAX) return operations;
  for (let second = operations.length - 1; second > 0; second--) {
    for (let first = second - 1; first >= 0; first--) {
      const candidate = operations.filter((_, index) => index !== first && index !== second);
      if (await fails(candidate)) return removePairs(candidate, fails);
    }
  }
  return operations;
}

async function simplify(operations: readonly Operation[], fails: Fails): Promise<readonly Operation[]> {
  let current = operations;
  for (let at = 0; at < current.length; at++) {
    for (const simpler of simplerForms(current[at]!)) {
      const candidate = current.with(at, simpler);
      if (await fails(candidate)) {
        current = candidate;
        break;
      }
    }
  }
  return current;
}

/** Simpler forms of one operation, simplest first; each strictly simpler, so that shrinking ends. */
export function* simplerForms(op: Operation): Generator<Operation> {
  const { name, cpu, context, value, text, args } = op;
  const plain = op;
  const bare = onlyUsed(op);
  if (formatOperation(bare) !== formatOperation(op)) yield bare;
  for (const smaller of smallerNumbers(value)) yield operation(name, { ...plain, value: smaller });
  if (cpu !== 0) yield operation(name, { ...plain, cpu: 0 });
  if (context !== 0) yield operation(name, { ...plain, context: 0 });
  if (text.length > 0) yield operation(name, { ...plain, text: text.slice(0, text.length >> 1) });
  for (const [index, arg] of args.entries()) {
    for (const smaller of smallerArguments(arg)) yield operation(name, { ...plain, args: args.with(index, smaller) });
  }
}

/** Without what the operation does not use. */
function onlyUsed(op: Operation): Operation {
  if (!(op.name in OPERATIONS)) return op;
  const uses: readonly string[] = OPERATIONS[op.name as OperationName].uses;
  return operation(op.name, {
    cpu: op.cpu,
    ...(op.name === "probe_enter" ? { context: op.context } : {}),
    ...(uses.includes("target") ? { target: op.target } : {}),
    ...(uses.includes("value") ? { value: op.value } : {}),
    ...(uses.includes("text") ? { text: op.text } : {}),
    ...(uses.includes("args") ? { args: op.args } : {}),
  });
}

function smallerNumbers(value: bigint): bigint[] {
  return [0n, 1n, value / 2n].filter((candidate) => magnitude(candidate) < magnitude(value));
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -2n * value : value;
}

function smallerArguments(arg: Argument): Argument[] {
  if (typeof arg === "bigint") return smallerNumbers(arg);
  return arg.length === 0 ? [] : [arg.slice(0, arg.length >> 1), arg.slice(0, -1)];
}
