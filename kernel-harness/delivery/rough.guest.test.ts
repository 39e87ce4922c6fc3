/** Uses of a session that no stpd makes, CPUs that come and go, sizes that are none. Boots one guest. */
import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import { runGuest, type GuestResult } from "../guest.ts";
import { buildProbe } from "../run.ts";
import { step } from "../steps.ts";
import { buildHelper, DELIVERY, deliveryFiles } from "./delivery.ts";
import { testedKernel } from "../testing.ts";

const MINUTE_MS = 60_000;
const STEP_S = 60;
const CPU1 = "/sys/devices/system/cpu/cpu1/online";
const folderOf = (module: string): string => `/sys/kernel/debug/stp-${module}`;

/** A program that cannot attach, and one that ends its session at the first hit and takes a while to detach. */
const PROGRAMS = {
  bad: 'STP_PROBE(kprobe, "no_such_function")\n{\n}\n',
  brief: ["do_rmdir", "do_mkdirat", "do_unlinkat", "do_linkat"].map((name) => `STP_PROBE(kprobe, "${name}")\n{\n}\n`).join("") + 'STP_PROBE(kprobe, "null_lseek")\n{\n\tstp_exit(ctx);\n}\n',
};

let guest: GuestResult;

beforeAll(async () => {
  const kernel = await testedKernel();
  const header = (await readFile(`${PROJECT_ROOT}${DELIVERY}/probe.c`, "utf8")).match(/^#include.*$/m)![0];
  const built = await Promise.all(Object.entries(PROGRAMS).map(([name, text]) => buildProbe(kernel, { path: `rough/${name}.c`, text: `${header}\n\n${text}` })));
  const rough = (what: string, module: string, ...more: string[]): string => step("run", what, STEP_S, "/rough", what, folderOf(module), ...more);
  guest = await runGuest(kernel, {
    cpus: 2,
    patches: true,
    files: { ...(await deliveryFiles(kernel)), "/rough": await buildHelper("rough"), ...Object.fromEntries(built.map(({ name, path }) => [`/${name}.ko`, path])) },
    steps: [
      step("insmod", "/stp_delivery.ko"),
      rough("second", "stp_delivery"),
      step("rmmod", "stp_delivery"),
      step("insmod", "/stp_bad.ko"),
      rough("start", "stp_bad"),
      step("rmmod", "stp_bad"),
      rough("race", "stp_brief", "/stp_brief.ko", "stp_brief"),
      step("write", CPU1, "0"),
      step("insmod", "/stp_delivery.ko"),
      step("write", CPU1, "1"),
      step("write", `${folderOf("stp_delivery")}/control`, "start"),
      step("run", "lines", STEP_S, "/lines", 2, 1000, 0),
      step("write", `${folderOf("stp_delivery")}/control`, "stop"),
      step("send", `${folderOf("stp_delivery")}/manifest`),
      step("rmmod", "stp_delivery"),
    ],
  });
}, 5 * MINUTE_MS);

test("a second reader is refused at once, a failed start ends readers, unloading waits for a stop under way, and the kernel is content", () => {
  expect(guest.problems).toEqual([]);
});

test("a CPU that comes up while a session is loaded comes up, and what it would have written is counted as lost", () => {
  const { ledger } = JSON.parse(Buffer.from(guest.files.get(`${folderOf("stp_delivery")}/manifest`)!).toString()) as { ledger: { cpu: number; record: { attempted: number; delivered: number; lost: { full: number } } }[] };
  const sum = (cpu: number, of: (record: (typeof ledger)[0]["record"]) => number): number => ledger.filter((row) => row.cpu === cpu).reduce((total, { record }) => total + of(record), 0);
  expect(sum(0, ({ attempted }) => attempted) + sum(1, ({ attempted }) => attempted)).toBe(2000);
  expect(sum(1, ({ delivered }) => delivered)).toBe(0);
  expect(sum(1, ({ lost }) => lost.full)).toBe(sum(1, ({ attempted }) => attempted));
});
