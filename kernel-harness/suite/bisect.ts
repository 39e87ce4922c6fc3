/** Bisection over a list of kernels: between which two did it break? Pure but for what judges. */
import { StpError } from "../../spec/errors.ts";

/** `unknown`: the environment failed, so this one says nothing. */
export type Judgement = "good" | "bad" | "unknown";

export interface Bisected<Item> {
  readonly last_good: Item;
  readonly first_bad: Item;
  /** Those between the two about which nothing is known. */
  readonly unknown: readonly Item[];
}

/**
 * Finds the first bad one of a list whose first is good and whose last is bad. Each is judged once at most; one of which nothing can be
 * known is passed over for its neighbours.
 *
 * Throws StpError if the ends are not as they must be.
 */
export async function bisect<Item>(items: readonly Item[], nameOf: (item: Item) => string, judge: (item: Item) => Promise<Judgement>): Promise<Bisected<Item>> {
  if (items.length < 2) throw new StpError("Cannot bisect fewer than two kernels: give them in their order, the good one first and the bad one last");
  let [good, bad] = [0, items.length - 1];
  await demand(items[bad]!, "bad");
  await demand(items[good]!, "good");
  const unknown = new Set<number>();
  for (;;) {
    const middle = nearestKnown(good, bad, unknown);
    if (middle === undefined) break;
    const judgement = await judge(items[middle]!);
    if (judgement === "good") good = middle;
    else if (judgement === "bad") bad = middle;
    else unknown.add(middle);
  }
  return { last_good: items[good]!, first_bad: items[bad]!, unknown: [...unknown].filter((i) => i > good && i < bad).sort((a, b) => a - b).map((i) => items[i]!) };

  async function demand(item: Item, wanted: Judgement): Promise<void> {
    const judgement = await judge(item);
    if (judgement === wanted) return;
    const why = judgement === "unknown" ? "could not be tested" : `is ${judgement}`;
    throw new StpError(`Cannot bisect: ${nameOf(item)} ${why}, and must be ${wanted}; give the kernels in their order, the good one first and the bad one last`);
  }
}

/** The one nearest to the middle between the two about which something may still be known. */
function nearestKnown(good: number, bad: number, unknown: ReadonlySet<number>): number | undefined {
  const middle = (good + bad) / 2;
  const between = Array.from({ length: bad - good - 1 }, (_, i) => good + 1 + i).filter((i) => !unknown.has(i));
  return between.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0];
}
