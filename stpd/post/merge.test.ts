import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../spec/protocol.ts";
import { Merge, type MergeSource } from "./merge.ts";
import type { Place } from "./parts.ts";
import type { Problem } from "./problem.ts";

/** A source of given times. */
class Times implements MergeSource {
  offset = -1;
  time_ns = 0n;
  time_high = 0;
  time_low = 0;

  get place(): Place {
    return { file: `cpu${this.cpu}.data`, offset: this.offset };
  }

  constructor(
    readonly cpu: number,
    private readonly times: readonly bigint[],
  ) {}

  next(): boolean {
    const time_ns = this.times[this.offset + 1];
    if (time_ns === undefined) return false;
    this.offset++;
    this.time_ns = time_ns;
    this.time_high = Number(time_ns >> 32n);
    this.time_low = Number(time_ns & 0xffffffffn);
    return true;
  }
}

function merge(times: readonly (readonly bigint[])[]): { order: [cpu: number, index: number][]; problems: Problem[] } {
  const problems: Problem[] = [];
  const merged = new Merge(times.map((of, cpu) => new Times(cpu, of)), (problem) => problems.push(problem));
  const order: [number, number][] = [];
  for (let source = merged.next(); source; source = merged.next()) order.push([source.cpu, source.offset]);
  expect(merged.next()).toBeUndefined();
  return { order, problems };
}

/** The same by a sort, which needs everything in memory. */
function sorted(times: readonly (readonly bigint[])[]): [number, number][] {
  const keys = times.flatMap((of, cpu) => {
    let greatest = 0n;
    return of.map((time, index) => ({ cpu, index, time: (greatest = time > greatest ? time : greatest) }));
  });
  keys.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.cpu - b.cpu || a.index - b.index));
  return keys.map(({ cpu, index }) => [cpu, index]);
}

const near = fc.bigInt(0n, 20n);
const time = fc.oneof(near, near.map((n) => (1n << 32n) - 10n + n), near.map((n) => (1n << 53n) + n), near.map((n) => (1n << 64n) - 21n + n));
const cpus = (times: fc.Arbitrary<bigint[]>): fc.Arbitrary<bigint[][]> => fc.array(times, { maxLength: LIMITS.CPUS_MAX.value, size: "max" });

describe("Merge", () => {
  it("T3: clocks that never step back give the order of a sort by time, CPU, sequence, and no problem", () => {
    const ascending = fc.array(time, { maxLength: 30 }).map((times) => times.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
    fc.assert(
      fc.property(cpus(ascending), (times) => {
        const { order, problems } = merge(times);
        expect(order).toEqual(sorted(times));
        expect(problems).toEqual([]);
      }),
    );
  });

  it("T3: clocks that step back keep each CPU's order, and each step is reported at its place", () => {
    fc.assert(
      fc.property(cpus(fc.array(time, { maxLength: 30 })), (times) => {
        const { order, problems } = merge(times);
        expect(order).toEqual(sorted(times));
        const steps = times.flatMap((of, cpu) => of.flatMap((t, offset) => (offset > 0 && t < of[offset - 1]! ? [{ cpu, offset }] : [])));
        const found = problems.map(({ cpu, offset }) => ({ cpu, offset })).sort((a, b) => a.cpu - b.cpu || a.offset - b.offset);
        expect(found).toEqual(steps);
      }),
    );
  });

  it("says by how much a clock stepped back", () => {
    expect(merge([[5n, 1n << 40n, 7n]]).problems).toMatchObject([{ kind: "clock", file: "cpu0.data", offset: 2, why: expect.stringContaining("1099511627769 ns") as string }]);
  });

  it("T3: sources that grow between refills give each CPU's order, and a sort of what is there each time", () => {
    const growing = fc.array(fc.array(fc.array(time, { maxLength: 5 }), { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(growing, fc.nat(8), (rounds, taken_max) => {
        const all: bigint[][] = [[], [], []];
        const sources = all.map((times, cpu) => new Times(cpu, times));
        const merged = new Merge(sources, () => {});
        const order: [number, number][] = [];
        const take = (max: number): void => {
          for (let i = 0; i < max && merged.peek(); i++) {
            const { cpu, offset } = merged.next()!;
            order.push([cpu, offset]);
          }
        };
        for (const round of rounds) {
          round.forEach((times, cpu) => all[cpu]!.push(...times));
          merged.refill();
          take(taken_max);
        }
        take(Infinity);
        for (const [cpu, times] of all.entries()) expect(order.filter(([of]) => of === cpu).map(([, index]) => index)).toEqual(times.map((_, i) => i));
        if (rounds.length === 1) expect(order).toEqual(sorted(all));
      }),
    );
  });
});
