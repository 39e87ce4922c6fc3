/**
 * Every line arrives once and in order on its CPU, or is in the loss report: both transports, both modes, at every rate. Boots four guests.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { RING_MODES, TRANSPORTS } from "../../spec/protocol.ts";
import { runGuest, type GuestResult } from "../guest.ts";
import { step } from "../steps.ts";
import { buildHelper, deliveredBy, deliveryFiles, deliverySteps, lostLines, nameOfDelivery, type Delivered, type Delivery, type Lines } from "./delivery.ts";
import { testedKernel } from "../testing.ts";

const MINUTE_MS = 60_000;
const CPUS = 2;
/** Numbered lines as the issue has them: 1000, 10,000 and 50,000 a second, and flat out; from one process and from two. */
const RATES: readonly Omit<Lines, "processes">[] = [
  { lines: 1000, rate: 1000 },
  { lines: 5000, rate: 10_000 },
  { lines: 20_000, rate: 50_000 },
  { lines: 60_000, rate: 0 },
];
const MANY: Lines = { processes: 2, lines: 600_000, rate: 0 };
/** Of MANY so much must arrive by files; netlink is for small output. */
const SHARE = 0.95;

const DELIVERIES: readonly Delivery[] = TRANSPORTS.flatMap((transport) =>
  RING_MODES.flatMap((mode) => [1, 2].flatMap((processes) => RATES.map((lines) => ({ ...lines, processes, transport, mode, ring: "2M" })))),
);
/** Rings so small that most is lost: what is said must add up all the same. */
const LOSSY: readonly Delivery[] = TRANSPORTS.flatMap((transport) => RING_MODES.map((mode) => ({ processes: 2, lines: 60_000, rate: 0, transport, mode, ring: "8K" })));
/** Real nmis write into the rings in the middle of other writes, and are counted by who sends them. */
const UNDER_NMIS: readonly Delivery[] = TRANSPORTS.flatMap((transport) => RING_MODES.flatMap((mode) => ["2M", "8K"].map((ring) => ({ processes: 2, lines: 60_000, rate: 0, transport, mode, ring, nmis: true }))));
const LONG: readonly Delivery[] = TRANSPORTS.map((transport) => ({ ...MANY, transport, mode: "discard", ring: "2M" }));

const nameOfStep = (index: number): string => `delivery-${index}`;

async function deliver(deliveries: readonly Delivery[]): Promise<readonly Delivered[]> {
  const kernel = await testedKernel();
  const guest: GuestResult = await runGuest(kernel, {
    cpus: CPUS,
    memory_mib: 1024,
    timeout_ms: 8 * MINUTE_MS,
    files: await deliveryFiles(kernel),
    steps: deliveries.flatMap((delivery, index) => deliverySteps(nameOfStep(index), delivery)),
  });
  expect(guest.problems).toEqual([]);
  return deliveries.map((_, index) => {
    const output = guest.outputs[nameOfStep(index)]!;
    return deliveredBy(nameOfStep(index), guest.files, output.stdout + output.stderr);
  });
}

describe("short deliveries", () => {
  const all = [...DELIVERIES, ...LOSSY];
  let delivered: readonly Delivered[] = [];

  beforeAll(async () => {
    delivered = await deliver(all);
  }, 10 * MINUTE_MS);

  test.each(all.map((delivery, index) => [nameOfDelivery(delivery), delivery.ring, delivery, index] as const))("%s, rings of %s", (_name, ring, { lines, mode, rate, transport }, index) => {
    const found = delivered[index]!;
    expect(found.misplaced).toBe(0);
    expect(found.arrived + lostLines(found), JSON.stringify(found)).toBe(lines);
    expect(found.hits_lost).toBe(0);
    if (ring !== "2M") expect(lostLines(found)).toBeGreaterThan(0);
    else if (mode === "discard" && (transport === "relay" || rate > 0)) expect(found.arrived).toBe(lines); // netlink is for little output
    expect(found.lost[mode === "discard" ? "overwritten" : "full"]).toBe(0);
  });
});

describe("under real nmis", () => {
  let delivered: readonly Delivered[] = [];

  beforeAll(async () => {
    delivered = await deliver(UNDER_NMIS);
  }, 10 * MINUTE_MS);

  test.each(UNDER_NMIS.map((delivery, index) => [nameOfDelivery(delivery), delivery.ring, delivery, index] as const))("%s, rings of %s", (_name, _ring, { lines }, index) => {
    const found = delivered[index]!;
    if (process.env["STP_SHOW"]) console.warn(JSON.stringify(found));
    expect(found.misplaced).toBe(0);
    expect(found.nmis).toBeGreaterThan(0);
    const sum = found.arrived + found.nmis_arrived + lostLines(found);
    expect(sum, JSON.stringify(found)).toBe(found.offered);
    expect(sum, JSON.stringify(found)).toBeLessThanOrEqual(lines + found.nmis);
    expect(sum, JSON.stringify(found)).toBeGreaterThanOrEqual(lines + found.nmis - CPUS); // an nmi as the session stopped
  });

  test("and there were many", () => {
    expect(delivered.reduce((sum, { nmis }) => sum + nmis, 0)).toBeGreaterThan(500);
  });
});

describe("lines that come one by one", () => {
  let output = "";

  beforeAll(async () => {
    const kernel = await testedKernel();
    const folder = "/sys/kernel/debug/stp-stp_delivery";
    const guest = await runGuest(kernel, {
      cpus: CPUS,
      files: { ...(await deliveryFiles(kernel)), "/late": await buildHelper("late") },
      steps: [
        step("insmod", "/stp_delivery.ko"),
        step("write", `${folder}/control`, "start"),
        step("run", "late", 60, "/late", ...Array.from({ length: CPUS }, (_, cpu) => `${folder}/cpu${cpu}`)),
        step("write", `${folder}/control`, "stop"),
        step("rmmod", "stp_delivery"),
      ],
    });
    expect(guest.problems).toEqual([]);
    output = guest.outputs["late"]!.stdout;
  }, 10 * MINUTE_MS);

  test("are at most 100 ms late", () => {
    if (process.env["STP_SHOW"]) console.warn(output);
    const late_ms = Number(/^late: (\d+)$/m.exec(output)?.[1]);
    expect(late_ms).toBeLessThanOrEqual(100);
  });

  test("and while none comes their readers sleep", () => {
    expect(Number(/^idle: (\d+)$/m.exec(output)?.[1])).toBeLessThanOrEqual(2); // our own sleep is one
  });
});

describe("long deliveries", () => {
  let delivered: readonly Delivered[] = [];

  beforeAll(async () => {
    delivered = await deliver(LONG);
  }, 10 * MINUTE_MS);

  test.each(LONG.map((delivery, index) => [nameOfDelivery(delivery), delivery, index] as const))("%s", (_name, { lines, transport }, index) => {
    const found = delivered[index]!;
    if (process.env["STP_SHOW"]) console.warn(JSON.stringify(found));
    expect(found.misplaced).toBe(0);
    expect(found.arrived + lostLines(found), JSON.stringify(found)).toBe(lines);
    if (transport === "relay") expect(found.arrived).toBeGreaterThan(SHARE * lines);
  });
});
