/** What a hostile process offers to a probe is counted and bounded, and never a fault of the kernel's (L4, L6, L7). Boots a guest. */
import { beforeAll, describe, expect, test } from "vitest";
import { LIMITS } from "../../spec/protocol.ts";
import { runGuest } from "../guest.ts";
import { buildStpd } from "../run.ts";
import { step } from "../steps.ts";
import { testedKernel } from "../testing.ts";
import { buildHelper, buildProbes, readRecording, type Recorded } from "./run.ts";

const MINUTE_MS = 60_000;
const ROUNDS = 3000;
const OUTCOMES = { fault: 0, fine: 1, either: 2 } as const;

describe("a hostile process", () => {
  let recorded: Recorded;
  let told: Record<string, number>;

  beforeAll(async () => {
    const kernel = await testedKernel();
    const { name, path } = await buildProbes(kernel, "hostile_probe.c");
    const guest = await runGuest(kernel, {
      cpus: 2,
      files: { "/stpd": await buildStpd(), "/hostile": await buildHelper("hostile"), [`/${name}.ko`]: path },
      steps: [step("run", "stpd", 90, "/stpd", "-l", "overload_percent=4294967295", "-o", "/recording", "-c", `/hostile ${ROUNDS}`, `/${name}.ko`), step("send", "/recording")],
    });
    expect(guest.problems, guest.outputs["stpd"]?.stderr).toEqual([]); // no oops, no warning of the kernel among them
    recorded = await readRecording(guest.files, "/recording");
    told = Object.fromEntries([...guest.outputs["stpd"]!.stdout.matchAll(/(\w+)=(\d+)/g)].map(([, key, value]) => [key!, Number(value)]));
  }, 5 * MINUTE_MS);

  const counts = (): { kind: number; outcome: number; how: string; count: number }[] =>
    [...recorded.output.matchAll(/^found (\d+) (\d+) (\w+) (\d+)$/gm)].map(([, kind, outcome, how, count]) => ({ kind: Number(kind), outcome: Number(outcome), how: how!, count: Number(count) }));
  const sum = (outcome: keyof typeof OUTCOMES, how?: string): number =>
    counts().filter((found) => found.outcome === OUTCOMES[outcome] && (how === undefined || found.how === how)).reduce((total, { count }) => total + count, 0);

  test("with bad addresses, absent pages, strings and vectors without an end: each is a fault, and only these", () => {
    expect(told["faults"]).toBeGreaterThan(70);
    expect({ faults: sum("fault", "fault"), fine: sum("fine", "fine") }).toEqual({ faults: told["faults"], fine: told["fine"] });
    expect({ wrong: sum("fault", "fine") + sum("fine", "fault") }).toEqual({ wrong: 0 });
  });

  test("that changes vectors and memory while they are read: gives something or a fault, and nothing that never was", () => {
    expect(told["either"]).toBe(2 * ROUNDS);
    expect(sum("either")).toBe(2 * ROUNDS);
    expect(sum("either", "fault")).toBeGreaterThan(0);
    const texts = [...recorded.output.matchAll(/^text (\d+) \d+ (.*)$/gm)].filter(([, kind]) => kind === "5" || kind === "6").map(([, kind, text]) => `${kind} ${text}`);
    expect(texts.filter((text) => !/^(5 (aaaa|bbbb)?( (aaaa|bbbb)?){0,4}|6 text)$/.test(text))).toEqual([]);
    expect(texts.length).toBeGreaterThan(3);
  });

  test("with stacks that loop, lead nowhere, or never end: bounded, and the cut is marked", () => {
    const stacks = [...recorded.output.matchAll(/^stack <ustack \d+ \S+(.*)>$/gm)].map((match) => match[1]!.trim().split(" "));
    expect(stacks.slice(0, 6)).toEqual([["0x1111", "..."], ["0x2222", "0x3333", "..."], [""], ["..."], ["..."], ["..."]]);
    expect(stacks[6]!.slice(0, 2)).toEqual(["0x5000", "0x5001"]);
    expect(stacks[6]!.length).toBe(LIMITS.STACK_FRAMES_MAX.value - 1); // the first is the probed place itself; the last says that there was more
    expect(stacks[6]!.at(-1)).toBe("...");
    expect(stacks[7]).toEqual(["0x5062", "0x5063"]);
    expect(stacks).toHaveLength(8);
  });

  test("leaves a ledger that balances, with all of it in it", () => {
    expect(recorded.ok, recorded.said.join("\n")).toBe(true);
    const reads = recorded.manifest.ledger.map(({ kinds }) => kinds.read);
    const total = (of: (count: (typeof reads)[number]) => bigint): bigint => reads.reduce((all, count) => all + of(count), 0n);
    expect(Number(total(({ lost }) => lost.fault))).toBe(told["faults"]! + sum("either", "fault"));
    expect(total(({ attempted }) => attempted)).toBe(total(({ delivered, lost }) => delivered + Object.values(lost).reduce((a, b) => a + b, 0n)));
  });
});
