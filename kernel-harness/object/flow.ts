/**
 * The stack of one function: how deep it is at each instruction, whatever way led there.
 *
 * It must never guess: a stack pointer that is not constant at an instruction, or code that no way leads to, is a problem.
 */
import type { Code, Instruction, Target } from "./disassembly.ts";

export interface Call {
  /** Bytes of the caller's frame then, without its return address. */
  readonly depth: number;
  /** `tail`: the callee returns to our caller. */
  readonly kind: "call" | "tail";
  /** The start of a function of the object, a name of the kernel's, or unknown: an address from a register or from memory. */
  readonly to: Target | "indirect";
}

export interface Flow {
  /** Most bytes of the frame, without the return address. */
  readonly frame: number;
  readonly calls: readonly Call[];
  readonly problems: readonly string[];
}

export interface FlowWorld {
  /** The function that starts at an address. */
  readonly startsAt: (address: string) => Code | undefined;
  /** Names of functions that do not come back. */
  readonly noreturn: (symbol: string) => boolean;
}

/** Part of a function that the compiler put elsewhere: `f.cold` belongs to `f`. */
export const isCold = (name: string): boolean => /\.cold(\.\d+)?(@|$)/.test(name);

const INDIRECT_THUNK = /^__x86_indirect_(call_|jump_)?thunk_/;
const PADDING = /^(nop[wlq]?|int3|ud2|data16|cs)$/;
const TESTS_ONLY = /^(cmp|test|bt)[bwlq]?$/;
const FRAME_POINTER = /%(rbp|ebp|bp|bpl)$/;

interface State {
  /** Bytes below the return address. */
  readonly depth: number;
  /** The depth that %rbp points to; undefined if it is no frame pointer. */
  readonly base: number | undefined;
}

/** Follows all ways through `code` and `colds`, the parts of it that stand elsewhere. */
export function followStack(code: Code, colds: readonly Code[], world: FlowWorld): Flow {
  const instructions = [code, ...colds].flatMap((part) => part.instructions.map((instruction, index) => ({ instruction, next: part.instructions[index + 1] })));
  const at = new Map(instructions.map((entry) => [entry.instruction.address, entry]));
  const states = new Map<string, State>();
  const calls = new Map<string, Call>();
  const problems: string[] = [];
  const work: string[] = [];
  const say = (address: string, what: string): void => void problems.push(`${code.name}: at ${address}, ${what}`);

  function visit(address: string, state: State, from: string): void {
    const before = states.get(address);
    if (!at.has(address)) return say(from, `the code runs on to ${address}, which is not part of the function`);
    if (before && before.depth !== state.depth) return say(address, `the stack is ${before.depth} or ${state.depth} bytes deep, depending on the way`);
    if (before && (before.base === state.base || before.base === undefined)) return;
    states.set(address, before ? { depth: state.depth, base: undefined } : state);
    work.push(address);
  }

  function branch(instruction: Instruction, target: Target | undefined, state: State): void {
    const { address } = instruction;
    if (!target) return void calls.set(address, { depth: state.depth, kind: "tail", to: "indirect" });
    if ("address" in target && at.has(target.address)) return visit(target.address, state, address);
    if ("address" in target && !world.startsAt(target.address)) return say(address, `it jumps to ${target.address}, into the middle of another function`);
    if ("symbol" in target && target.symbol === "__x86_return_thunk") return leave(address, state);
    calls.set(address, { depth: state.depth, kind: "tail", to: "symbol" in target && INDIRECT_THUNK.test(target.symbol) ? "indirect" : target });
  }

  function leave(address: string, state: State): void {
    if (state.depth !== 0) say(address, `it returns with ${state.depth} bytes left on the stack`);
  }

  function run(instruction: Instruction, next: Instruction | undefined, state: State): void {
    const { address, mnemonic, operands, target } = instruction;
    const goOn = (after: State): void => (next ? visit(next.address, after, address) : say(address, "the code runs past the end of the function"));
    if (/^call/.test(mnemonic)) {
      const symbol = target && "symbol" in target ? target.symbol : undefined;
      const indirect = !target || (symbol !== undefined && INDIRECT_THUNK.test(symbol));
      calls.set(address, { depth: state.depth, kind: "call", to: indirect ? "indirect" : target });
      if (symbol === undefined || !world.noreturn(symbol)) goOn(state);
    } else if (/^jmp/.test(mnemonic)) {
      branch(instruction, target, state);
    } else if (/^(j[a-z]+|loop[a-z]*)$/.test(mnemonic)) {
      branch(instruction, target, state);
      goOn(state);
    } else if (/^ret/.test(mnemonic) && operands === "") {
      leave(address, state);
    } else if (mnemonic !== "ud2" && mnemonic !== "int3") {
      const after = step(mnemonic, operands, state);
      if (typeof after === "string") say(address, after);
      else goOn(after);
    }
  }

  visit(code.address, { depth: 0, base: undefined }, code.address);
  for (let address = work.pop(); address !== undefined; address = work.pop()) {
    const { instruction, next } = at.get(address)!;
    run(instruction, next, states.get(address)!);
  }
  const unreached = instructions.find(({ instruction }) => !states.has(instruction.address) && !isPadding(instruction));
  if (unreached && problems.length === 0) say(unreached.instruction.address, "no way leads to the code");
  return { frame: Math.max(...[...states.values()].map((state) => state.depth)), calls: [...calls.values()], problems };
}

function isPadding({ mnemonic, operands }: Instruction): boolean {
  return PADDING.test(mnemonic) || (mnemonic === "xchg" && operands === "%ax,%ax");
}

/** The state after an instruction that does not branch; or why it cannot be known. */
function step(mnemonic: string, operands: string, { depth, base }: State): State | string {
  const unknown = `"${mnemonic} ${operands}" changes the stack pointer by what is not known`;
  if (/^pushf?q?$/.test(mnemonic)) return { depth: depth + 8, base };
  if (/^popf?q?$/.test(mnemonic)) return /%[re]?sp\b/.test(operands) ? unknown : { depth: depth - 8, base: operands === "%rbp" ? undefined : base };
  if (/^leaveq?$/.test(mnemonic)) return base === undefined ? unknown : { depth: base - 8, base: undefined };
  if (mnemonic === "mov" && operands === "%rsp,%rbp") return { depth, base: depth };
  if (/^(enter|iret|sysret|push|pop|ret)/.test(mnemonic) || (mnemonic === "xchg" && /%[re]?spl?\b(?!\))/.test(operands.replace(/\([^)]*\)/g, "")))) return unknown;
  if (/%(rsp|esp|sp|spl)$/.test(operands) && !TESTS_ONLY.test(mnemonic)) {
    const after = newDepth(mnemonic, operands, depth, base);
    return after === undefined || after < 0 ? unknown : { depth: after, base };
  }
  const clobbers = (FRAME_POINTER.test(operands) && !TESTS_ONLY.test(mnemonic)) || (mnemonic === "xchg" && operands.includes("bp"));
  return { depth, base: clobbers ? undefined : base };
}

function newDepth(mnemonic: string, operands: string, depth: number, base: number | undefined): number | undefined {
  const [, sum] = /^\$(-?0x[0-9a-f]+),%rsp$/.exec(operands) ?? [];
  const [, offset, from] = /^(-?0x[0-9a-f]+)?\((%rsp|%rbp)\),%rsp$/.exec(operands) ?? [];
  const start = from === "%rsp" ? depth : base;
  if (/^subq?$/.test(mnemonic) && sum !== undefined) return depth + signed(sum);
  if (/^addq?$/.test(mnemonic) && sum !== undefined) return depth - signed(sum);
  // The stack is aligned to 8 bytes, so that aligning it to more takes 8 bytes less than that, at most.
  if (/^andq?$/.test(mnemonic) && sum !== undefined && signed(sum) <= -8) return depth - signed(sum) - 8;
  if (mnemonic === "lea" && from !== undefined && start !== undefined) return start - signed(offset ?? "0x0");
  if (mnemonic === "mov" && operands === "%rbp,%rsp") return base;
  return undefined;
}

function signed(hex: string): number {
  return hex.startsWith("-") ? -Number(hex.slice(1)) : Number(BigInt.asIntN(64, BigInt(hex)));
}
