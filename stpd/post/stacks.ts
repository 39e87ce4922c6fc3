/**
 * Backtraces in the script's text: `<stack 0x… 0x…>` becomes names, or a line of folded stacks for flame graphs.
 *
 * Sibling: symbols.ts has the names. User stacks keep their addresses.
 */
import type { KernelSymbols } from "./symbols.ts";

const STACK = /<(stack|ustack)((?: \d+)?)((?: 0x[0-9a-f]+)*)( \.\.\.)?>/g;
/** What stands before, one or more backtraces, what stands between, and a count at the end. */
const COUNTED = /^(.*?)((?:<u?stack[^>]*>\s*)+)\D*?(\d+)\s*$/;

/** A text in which kernel addresses of backtraces are `name+0x12`; unknown ones stay. */
export function nameStacks(text: string, symbols: KernelSymbols): string {
  return text.replace(STACK, (all, kind: string, pid: string, frames: string, cut: string | undefined) => {
    if (kind !== "stack") return all;
    return `<stack${pid}${addressesOf(frames).map((address) => ` ${nameOf(address, symbols, true)}`).join("")}${cut ?? ""}>`;
  });
}

/** A printed line `what <stack …> count` as `what;outermost;…;innermost count`; undefined if it is no such line. */
export function foldLine(line: string, symbols: KernelSymbols | undefined): string | undefined {
  const [, before, stacks, count] = COUNTED.exec(line) ?? [];
  if (before === undefined || stacks === undefined || count === undefined) return undefined;
  // Of a kernel and a user stack, whatever their order, the user's is the outer one.
  const parts = [...stacks.matchAll(STACK)].sort((a, b) => Number(a[1] === "stack") - Number(b[1] === "stack"));
  const frames = parts.flatMap(([, kind, , list, cut]) => [...(cut ? ["..."] : []), ...addressesOf(list ?? "").map((address) => nameOf(address, kind === "stack" ? symbols : undefined, false)).reverse()]);
  const what = before.trim().replaceAll(";", ",");
  return [...(what === "" ? [] : [what]), ...frames].join(";") + ` ${count}`;
}

function addressesOf(frames: string): bigint[] {
  return frames.split(" ").filter((frame) => frame !== "").map((frame) => BigInt(frame));
}

function nameOf(address: bigint, symbols: KernelSymbols | undefined, offset: boolean): string {
  const symbol = symbols?.find(address);
  if (!symbol) return `0x${address.toString(16)}`;
  return offset ? `${symbol.name}+0x${symbol.offset.toString(16)}` : symbol.name;
}
