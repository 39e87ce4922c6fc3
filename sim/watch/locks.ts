/**
 * Locks, as the code says that it takes them: never one that is held, given back by who took it, all given back at the
 * end, and never some of them in a circle: A then B, B then C, C then A.
 *
 * A lock that is taken by bounded tries waits for nobody, and so makes no order.
 * Sibling: finding.ts
 */
import { ACCESS_KINDS, kindOf, NOTE_WORDS } from "../access.ts";
import type { SimContext } from "../machine.ts";
import type { Finding, Side } from "./finding.ts";

const { LOCK, UNLOCK, TRY } = ACCESS_KINDS;

interface Held {
  readonly lock: number;
  readonly side: Side;
}

/** One lock was taken while another was held. */
interface Edge {
  readonly from: number;
  readonly to: number;
  readonly side: Side;
}

export interface LockState {
  readonly held: ReadonlyMap<string, readonly Held[]>;
  readonly edges: readonly Edge[];
}

export class LockDetector {
  #held = new Map<string, readonly Held[]>();
  #edges: Edge[] = [];

  begin(): void {
    if (this.#held.size > 0) this.#held = new Map();
    if (this.#edges.length > 0) this.#edges = [];
  }

  note(context: SimContext, words: Uint32Array, at: number): Finding | undefined {
    const kind = kindOf(words[at + NOTE_WORDS.what]!);
    if ((kind & (LOCK | UNLOCK)) === 0) return undefined;
    const side: Side = { context: context.name, cpu: context.cpu, site: words[at + NOTE_WORDS.site]!, caller: words[at + NOTE_WORDS.caller]!, what: kind & LOCK ? "takes the lock" : "gives the lock back" };
    const lock = words[at + NOTE_WORDS.address]!;
    return kind & LOCK ? this.#take(lock, side, (kind & TRY) !== 0) : this.#give(lock, side);
  }

  ended(context: SimContext): Finding | undefined {
    const left = this.#held.get(context.name)?.[0];
    return left && { kind: "locking", detail: `${context.name} ended and still holds a lock`, sides: [left.side] };
  }

  save(): LockState {
    return { held: new Map(this.#held), edges: [...this.#edges] };
  }

  restore(state: LockState): void {
    this.#held = new Map(state.held);
    this.#edges = [...state.edges];
  }

  #take(lock: number, side: Side, tried: boolean): Finding | undefined {
    const owner = this.#ownerOf(lock);
    const mine = this.#held.get(side.context) ?? [];
    this.#held.set(side.context, [...mine, { lock, side }]);
    if (owner) return { kind: "locking", detail: `${side.context} takes a lock that ${owner.side.context} holds`, sides: [owner.side, side] };
    if (tried) return undefined;
    for (const { lock: from } of mine) {
      if (this.#edges.some((edge) => edge.from === from && edge.to === lock)) continue;
      const back = this.#path(lock, from);
      this.#edges.push({ from, to: lock, side });
      if (back) return circle(side, back);
    }
    return undefined;
  }

  /** The shortest way from one lock to another by what was taken while what was held, or undefined. */
  #path(from: number, to: number): readonly Edge[] | undefined {
    const seen = new Set([from]);
    for (let paths: (readonly Edge[])[] = [[]]; paths.length > 0; ) {
      const longer: (readonly Edge[])[] = [];
      for (const path of paths) {
        for (const edge of this.#edges) {
          if (edge.from !== (path.at(-1)?.to ?? from) || seen.has(edge.to)) continue;
          if (edge.to === to) return [...path, edge];
          seen.add(edge.to);
          longer.push([...path, edge]);
        }
      }
      paths = longer;
    }
    return undefined;
  }

  #give(lock: number, side: Side): Finding | undefined {
    const mine = this.#held.get(side.context) ?? [];
    const at = mine.findLastIndex((held) => held.lock === lock);
    if (at < 0) {
      const owner = this.#ownerOf(lock);
      return { kind: "locking", detail: `${side.context} gives back a lock that ${owner ? `${owner.side.context} holds` : "nobody holds"}`, sides: owner ? [owner.side, side] : [side] };
    }
    this.#held.set(side.context, mine.toSpliced(at, 1));
    return undefined;
  }

  #ownerOf(lock: number): Held | undefined {
    for (const held of this.#held.values()) for (const one of held) if (one.lock === lock) return one;
    return undefined;
  }
}

function circle(side: Side, back: readonly Edge[]): Finding {
  const others = [...new Set(back.map((edge) => edge.side.context))];
  const detail = back.length === 1 ? `${side.context} takes two locks in one order, and ${others[0]} in the other` : `${side.context} closes a circle of ${back.length + 1} locks that ${others.join(" and ")} began: each is taken while the one before it is held`;
  return { kind: "locking", detail, sides: [...back.map((edge) => edge.side), side] };
}
