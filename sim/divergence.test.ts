/** What of two outputs is called their first divergence. */
import { describe, expect, test } from "vitest";
import { firstDivergence, type OutputRecord, type RecordedOutput } from "./divergence.ts";

const replayed = (cpu: number, text: string, time = 0, more: Partial<OutputRecord> = {}): OutputRecord => ({
  cpu,
  context: "task",
  type: "print",
  probe: "kprobe f",
  isSessions: false,
  time_ns: BigInt(time),
  payload: Buffer.from(text),
  ...more,
});
/** A record's offset is its time: enough to tell them apart. */
const recorded = (cpu: number, text: string, time = 0, more: Partial<OutputRecord> = {}): RecordedOutput => ({ ...replayed(cpu, text, time, more), file: `cpu${cpu}.data`, offset: time });

const LIVE = ["a", "b", "c", "d"].map((text, i) => recorded(0, text, 10 * (i + 1)));
const AGAIN = LIVE.map(({ payload }) => replayed(0, String(payload)));
const without = <T>(records: readonly T[], index: number): T[] => records.filter((_, i) => i !== index);

describe("firstDivergence", () => {
  test("of outputs that agree is none, whatever their times", () => {
    expect(firstDivergence(LIVE, AGAIN)).toBeUndefined();
    expect(firstDivergence([], [])).toBeUndefined();
  });

  test("with a changed payload, probe, type or context names that record", () => {
    for (const change of [{ payload: Buffer.from("C") }, { probe: "kprobe g" }, { type: "error" }, { context: "irq" }] as const) {
      const other = AGAIN.map((record, i) => (i === 2 ? { ...record, ...change } : record));
      expect(firstDivergence(LIVE, other)).toEqual({ kind: "changed", recorded: LIVE[2], replayed: other[2] });
    }
  });

  test("with nothing in common is a change, whatever their lengths", () => {
    expect(firstDivergence(LIVE, [replayed(0, "x")])).toMatchObject({ kind: "changed", recorded: LIVE[0] });
    expect(firstDivergence(LIVE.slice(0, 1), [replayed(0, "x"), replayed(0, "y")])).toMatchObject({ kind: "changed", recorded: LIVE[0] });
  });

  test("with a record more in the recording names it, also at the end", () => {
    expect(firstDivergence(LIVE, without(AGAIN, 1))).toEqual({ kind: "additional", recorded: LIVE[1], replayed: AGAIN[2] });
    expect(firstDivergence(LIVE, without(AGAIN, 3))).toEqual({ kind: "additional", recorded: LIVE[3], replayed: undefined });
    expect(firstDivergence(LIVE, [])).toMatchObject({ kind: "additional", recorded: LIVE[0] });
  });

  test("with a record more in the replay names it and the place where it is missing, also at the end", () => {
    expect(firstDivergence(without(LIVE, 1), AGAIN)).toEqual({ kind: "missing", recorded: LIVE[2], replayed: AGAIN[1] });
    expect(firstDivergence(without(LIVE, 3), AGAIN)).toEqual({ kind: "missing", recorded: undefined, replayed: AGAIN[3] });
  });

  test("with two records exchanged says that they are reordered", () => {
    const other = [AGAIN[0]!, AGAIN[2]!, AGAIN[1]!, AGAIN[3]!];
    expect(firstDivergence(LIVE, other)).toEqual({ kind: "reordered", recorded: LIVE[1], replayed: AGAIN[2] });
  });

  test("tells them apart where texts come again and again", () => {
    const live = Array.from({ length: 10 }, (_, i) => recorded(0, i % 2 === 0 ? "up" : "down", 10 + i));
    const again = live.map(({ payload }) => replayed(0, String(payload)));
    const wrong = recorded(0, "dawn", 13);
    const kind = (ours: readonly RecordedOutput[], theirs: readonly OutputRecord[]): unknown => firstDivergence(ours, theirs)?.kind;
    expect(kind(live.with(3, wrong), again)).toBe("changed");
    expect(kind(without(live, 3), again)).toBe("missing");
    expect(kind(live, without(again, 3))).toBe("additional");
    const same = live.map(({ offset }) => recorded(0, "up", offset));
    expect(kind(same.with(3, wrong), same)).toBe("changed");
    expect(kind([...same, recorded(0, "up", 99)], same)).toBe("additional");
    expect(kind(live, again.filter(({ payload }) => String(payload) === "down"))).toBe("additional");
    expect(kind(live, again.with(3, again[4]!).with(4, again[3]!))).toBe("reordered");
  });

  test("of two CPUs does not ask for an order between them, and is the earlier one by the recording's time", () => {
    const live = [recorded(0, "a", 1), recorded(1, "x", 2), recorded(0, "b", 3), recorded(1, "y", 4)];
    const other = [replayed(1, "x"), replayed(1, "y"), replayed(0, "a"), replayed(0, "b")];
    expect(firstDivergence(live, other)).toBeUndefined();
    const changed = [replayed(1, "x"), replayed(1, "Y"), replayed(0, "a"), replayed(0, "B")];
    expect(firstDivergence(live, changed)).toMatchObject({ kind: "changed", recorded: live[2] });
  });

  test("of a record on another CPU is one, but for the session's probes", () => {
    const [end, elsewhere] = [{ probe: "end", isSessions: true }, replayed(0, "a")];
    expect(firstDivergence([recorded(1, "a", 5)], [elsewhere])).toMatchObject({ kind: "missing", replayed: elsewhere });
    expect(firstDivergence([recorded(1, "a", 5, end)], [replayed(0, "a", 0, end)])).toBeUndefined();
    expect(firstDivergence([recorded(1, "a", 5, end)], [replayed(0, "b", 0, end)])).toMatchObject({ kind: "changed" });
  });
});
