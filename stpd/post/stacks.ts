/**
 * Backtraces in the script's text: `<stack 0x… 0x…>` becomes names, or a line of folded stacks for flame graphs.
 *
 * A kernel frame is `name+0x12`, a module's `name+0x12 [module]`. A frame in user space is `name+0x12`, `libc.so.6+0x28d90` (the
 * place in the file) if the function is not known. What is not known at all stays an address.
 * Siblings: symbols.ts has the kernel's names, user-symbols.ts those of processes.
 */
import type { Manifest } from "../../spec/recording/manifest.ts";
import { Processes } from "./maps.ts";
import { readSymbolFile, readSymbols, type KernelSymbols } from "./symbols.ts";
import { UserSymbols, type UserSymbolOptions } from "./user-symbols.ts";

/** Rendered frames that are kept: most backtraces have most frames in common. */
export const CACHED_FRAMES_MAX = 1 << 16;
/** Rendered kernel backtraces that are kept. */
export const CACHED_STACKS_MAX = 1 << 13;

const ANY_STACK = /<u?stack[^>]*>/g;
const STACK = /<(u?)stack((?: \d+)?)((?: 0x[0-9a-f]{1,16})*)( \.\.\.)?>/g;
/** What stands before, one or more backtraces, what stands between, and a count at the end. */
const COUNTED = /^(.*?)((?:<u?stack[^>]*>\s*)+)\D*?(\d+)\s*$/;

/** The part of a record that names depend on. */
export interface StackRecord {
  readonly time_ns: bigint;
}

type Render = (frame: string, isInnermost: boolean) => string;

/** What a recording knows of addresses. Texts have a character for each byte (latin1). */
export class Names {
  readonly #kernel: KernelSymbols | undefined;
  readonly #user: UserSymbols | undefined;
  /** Of kernel frames of one epoch, by what is rendered. */
  readonly #cache = { full: new Map<string, string>(), folded: new Map<string, string>() };
  readonly #stacks = new Map<string, string>();
  #epoch = -1;

  constructor(kernel: KernelSymbols | undefined, user: UserSymbols | undefined) {
    this.#kernel = kernel;
    this.#user = user;
  }

  /** Whether any address has a name. */
  get known(): boolean {
    return this.#kernel !== undefined || this.#user !== undefined;
  }

  /** The text with names in the place of the addresses of its backtraces. */
  readonly nameStacks = (text: string, record: StackRecord): string => text.replace(ANY_STACK, (stack) => (stack[1] === "u" ? this.#nameStack(stack, record) : this.#nameKernelStack(stack, record)));

  /** A printed line `what <stack …> count` as `what;outermost;…;innermost count`; undefined if it is no such line. */
  readonly foldLine = (line: string, record: StackRecord): string | undefined => {
    const [, before, stacks, count] = COUNTED.exec(line) ?? [];
    if (before === undefined || stacks === undefined || count === undefined) return undefined;
    // Of a kernel and a user stack, whatever their order, the user's is the outer one.
    const parts = [...stacks.matchAll(STACK)].sort((a, b) => Number(a[1] === "") - Number(b[1] === ""));
    const frames = parts.flatMap(([, user, pid, list, cut]) => {
      const render = this.#renderer(user!, pid!, record, true);
      return [...(cut ? ["..."] : []), ...framesOf(list!).map((frame, i) => render(frame, i === 0)).reverse()];
    });
    const what = before.trim().replaceAll(";", ",");
    return [...(what === "" ? [] : [what]), ...frames].join(";") + ` ${count}`;
  };

  /** The same backtraces come again and again, so that whole ones are kept, too. */
  #nameKernelStack(stack: string, record: StackRecord): string {
    this.#enterEpoch(record.time_ns);
    let named = this.#stacks.get(stack);
    if (named === undefined) {
      if (this.#stacks.size >= CACHED_STACKS_MAX) this.#stacks.clear();
      named = this.#nameStack(stack, record);
      this.#stacks.set(stack, named);
    }
    return named;
  }

  #nameStack(stack: string, record: StackRecord): string {
    return stack.replace(STACK, (_all, user: string, pid: string, frames: string, cut: string | undefined) => {
      const render = this.#renderer(user, pid, record, false);
      return `<${user}stack${pid}${framesOf(frames).map((frame, i) => ` ${render(frame, i === 0)}`).join("")}${cut ?? ""}>`;
    });
  }

  #enterEpoch(time_ns: bigint): void {
    const epoch = this.#kernel?.epoch(time_ns) ?? 0;
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#stacks.clear();
    this.#cache.full.clear();
    this.#cache.folded.clear();
  }

  #renderer(user: string, pid: string, { time_ns }: StackRecord, isFolded: boolean): Render {
    if (user !== "") return (frame, isInnermost) => this.#userFrame(frame, Number(pid), time_ns, isInnermost, isFolded);
    this.#enterEpoch(time_ns);
    const cache = isFolded ? this.#cache.folded : this.#cache.full;
    return (frame) => {
      let text = cache.get(frame);
      if (text === undefined) {
        if (cache.size >= CACHED_FRAMES_MAX) cache.clear();
        text = this.#kernelFrame(frame, time_ns, isFolded);
        cache.set(frame, text);
      }
      return text;
    };
  }

  #kernelFrame(frame: string, time_ns: bigint, isFolded: boolean): string {
    const symbol = this.#kernel?.find(BigInt(frame), time_ns);
    if (!symbol) return frame;
    const { name, offset, module } = symbol;
    return isFolded ? name : `${name}+0x${offset.toString(16)}${module === undefined ? "" : ` [${module}]`}`;
  }

  /** All frames but the innermost are where a call returns to: the call before it is what counts, for it may be its function's last. */
  #userFrame(frame: string, pid: number, time_ns: bigint, isInnermost: boolean, isFolded: boolean): string {
    const back = isInnermost ? 0 : 1;
    const symbol = this.#user?.find(pid, Number(frame) - back, time_ns);
    if (!symbol) return frame;
    const { name, offset, file } = symbol;
    // A path may have what would end a frame or a backtrace.
    if (isFolded) return name ?? `[${file.replace(/[\s<>;[\]]/g, "_")}]`;
    return `${name ?? file.replace(/[\s<>]/g, "_")}+0x${(offset + back).toString(16)}`;
  }
}

function framesOf(frames: string): string[] {
  return frames === "" ? [] : frames.slice(1).split(" ");
}

/** The names that a recording has, or leads to. Throws StpError if its files of symbols cannot be read. */
export function readNames(directory: string, manifest: Pick<Manifest, "addresses" | "user_addresses">, options: UserSymbolOptions = {}): Names {
  const report = options.report ?? (() => {});
  const kernel = manifest.addresses ? readSymbols(directory) : undefined;
  const maps = manifest.user_addresses ? readSymbolFile(directory, "symbols/maps") : Buffer.alloc(0);
  const processes = maps.length > 0 ? new Processes(maps) : undefined;
  if (kernel?.isCut) report("symbols/modules is not complete, for the kernel had no room for more: some frames of modules that were unloaded stay addresses");
  if (processes?.isCut) report("symbols/maps has more mappings than are held: some frames of later processes stay addresses");
  if (processes && processes.lost > 0n) report(`${processes.lost} records of mappings were lost: frames of user space may be wrong or stay addresses`);
  return new Names(kernel, processes && new UserSymbols(processes, options));
}
