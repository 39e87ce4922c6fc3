import fc from "fast-check";
import { expect, test } from "vitest";
import { bisect, type Judgement } from "./bisect.ts";

const nameOf = (item: number): string => `kernel ${item}`;

test("finds the first bad one of any list, judging each at most once and few of them", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2, max: 200 }), fc.nat(), async (length, cut) => {
      const firstBad = 1 + (cut % (length - 1));
      const judged: number[] = [];
      const found = await bisect(Array.from({ length }, (_, i) => i), nameOf, async (item) => {
        judged.push(item);
        return item < firstBad ? "good" : "bad";
      });
      expect(found).toEqual({ last_good: firstBad - 1, first_bad: firstBad, unknown: [] });
      expect(new Set(judged).size).toBe(judged.length);
      expect(judged.length).toBeLessThanOrEqual(2 + Math.ceil(Math.log2(length)));
    }),
  );
});

test("passes over those of which nothing can be known, and says which lie between", async () => {
  const judgements: readonly Judgement[] = ["good", "good", "unknown", "unknown", "bad", "bad", "bad"];
  const found = await bisect([0, 1, 2, 3, 4, 5, 6], nameOf, async (item) => judgements[item]!);
  expect(found).toEqual({ last_good: 1, first_bad: 4, unknown: [2, 3] });
});

test("refuses ends that are not as they must be, and lists without ends", async () => {
  await expect(bisect([0, 1], nameOf, async () => "bad")).rejects.toThrow("Cannot bisect: kernel 0 is bad, and must be good; ");
  await expect(bisect([0, 1], nameOf, async () => "good")).rejects.toThrow("Cannot bisect: kernel 1 is good, and must be bad; ");
  await expect(bisect([0, 1], nameOf, async () => "unknown")).rejects.toThrow("kernel 1 could not be tested, and must be bad");
  await expect(bisect([0], nameOf, async () => "bad")).rejects.toThrow("fewer than two");
});
