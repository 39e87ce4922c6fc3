/**
 * Every line arrives once and in order on its CPU, or is in the loss report: both transports, both modes, at every rate. Boots two guests.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { RING_MODES, TRANSPORTS } from "../../spec/protocol.ts";
import { fetchKernel } from "../fetch.ts";
import { runGuest, type GuestResult } from "../guest.ts";
import { findKernel } from "../kernels.ts";
import { deliveredBy, deliveryFiles, deliverySteps, lostLines, nameOfDelivery, type Delivered, type Delivery, type Lines } from "./delivery.ts";

const MINUTE_MS = 60_000;
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
const LONG: readonly Delivery[] = TRANSPORTS.map((transport) => ({ ...MANY, transport, mode: "discard", ring: "2M" }));

const nameOfStep = (index: number): string => `delivery-${index}`;

async function deliver(deliveries: readonly Delivery[]): Promise<readonly Delivered[]> {
  const kernel = await fetchKernel(findKernel("debian-6.1-cloud"));
  const guest: GuestResult = await runGuest(kernel, {
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

  test.each(all.map((delivery, index) => [nameOfDelivery(delivery), delivery.ring, delivery, index] as const))("%s, rings of %s", (_name, ring, { lines, mode }, index) => {
    const found = delivered[index]!;
    expect(found.misplaced).toBe(0);
    expect(found.arrived + lostLines(found), JSON.stringify(found)).toBe(lines);
    expect(found.hits_lost).toBe(0);
    if (ring !== "2M") expect(lostLines(found)).toBeGreaterThan(0);
    else if (mode === "discard") expect(found.arrived).toBe(lines);
    expect(found.lost[mode === "discard" ? "overwritten" : "full"]).toBe(0);
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
