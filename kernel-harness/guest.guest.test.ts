/** Boots real kernels. Selected alone by `npx vitest run kernel-harness/guest.guest.test.ts`. */
import { spawn } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { messageOf, StpError } from "../spec/errors.ts";
import { ARCHITECTURES } from "./architectures.ts";
import type { FetchedKernel } from "./fetch.ts";
import { runGuest, type GuestResult, type Job } from "./guest.ts";
import { buildModule, type ModuleSource } from "./module.ts";
import { needProgram } from "./process.ts";
import { step } from "./steps.ts";
import { moduleWithInit, testedKernel } from "./testing.ts";
import { buildProgram, buildWorkload } from "./tools.ts";

const MINUTE_MS = 60_000;

/** Outside CI a machine without QEMU skips these tests, and says so; in CI they fail. */
function whyNot(): string | undefined {
  try {
    needProgram(ARCHITECTURES.amd64.qemu.program, ARCHITECTURES.amd64.qemu.package);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
const reason = whyNot();
const skipped = reason !== undefined && !process.env["CI"];
if (skipped) console.warn(`SKIPPED kernel-harness/guest.guest.test.ts: ${reason}`);

/** Says "ready", then waits for SIGINT, says "bye" and ends with status 3. Ignores SIGTERM if it has an argument. */
const WAITER = `
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
static void on_int(int number) { (void)number; write(1, "bye\\n", 4); _exit(3); }
int main(int argc, char **argv)
{
	(void)argv;
	signal(SIGINT, on_int);
	if (argc > 1)
		signal(SIGTERM, SIG_IGN);
	fprintf(stderr, "I am ready\\n");
	for (;;)
		pause();
}
`;

const buildWaiter = (): Promise<string> => buildProgram({ name: "waiter", sources: { "waiter.c": WAITER } });
const messagesOf = (result: GuestResult): string[] => result.problems.map(({ kind, message }) => `${kind}: ${message}`);
const textOf = (result: GuestResult, path: string): string => Buffer.from(result.files.get(path) ?? []).toString();

describe.skipIf(skipped)("a guest", { timeout: 5 * MINUTE_MS }, () => {
  let kernel: FetchedKernel;
  const run = (job: Partial<Job>): Promise<GuestResult> => runGuest(kernel, { files: {}, steps: [], report: console.warn, ...job });
  const insert = async (module: ModuleSource, job: Partial<Job> = {}): Promise<GuestResult> =>
    run({ files: { "/m.ko": await buildModule(kernel, module) }, steps: ["insmod /m.ko"], ...job });

  beforeAll(async () => {
    kernel = await testedKernel();
  }, 10 * MINUTE_MS);

  test("with a job that succeeds reports outputs, statuses and files", async () => {
    const heard = new Set<string>();
    const result = await run({
      files: { "/bin/workload": await buildWorkload(), "/tree/a": { contents: "a" }, "/tree/deep/b": { contents: new Uint8Array(200_000).fill(7) } },
      steps: ["# a comment", step("run", "workload", 60, "/bin/workload", "opens", 3, 100), step("write", "/tmp/note", 'two words, a "quote"\n'), "send /tmp/note", "send /tree"],
      onOutput: (name, stream) => heard.add(`${name} ${stream}`),
    });
    expect(messagesOf(result)).toEqual([]);
    expect(result).toMatchObject({ ok: true, release: kernel.release });
    expect(result.outputs).toEqual({
      workload: { stdout: "workload: comm=wl-0 opens=100\nworkload: comm=wl-1 opens=107\nworkload: comm=wl-2 opens=114\n", stderr: "", status: 0, dropped_bytes: 0 },
    });
    expect(heard).toEqual(new Set(["workload 1"]));
    expect([...result.files.keys()].sort()).toEqual(["/tmp/note", "/tree/a", "/tree/deep/b"]);
    expect(textOf(result, "/tmp/note")).toBe('two words, a "quote"\n');
    expect(Buffer.from(result.files.get("/tree/deep/b") ?? []).equals(Buffer.alloc(200_000, 7))).toBe(true);
  });

  test("awaits, signals and waits for a program in the background", async () => {
    const result = await run({
      files: { "/waiter": await buildWaiter() },
      steps: ["start waiter /waiter", step("await", "waiter", "I am ready", 10), "signal waiter INT", "wait waiter 10 3"],
    });
    expect(messagesOf(result)).toEqual([]);
    expect(result.outputs["waiter"]).toMatchObject({ stdout: "bye\n", stderr: "I am ready\n", status: 3 });
  });

  test("with a step that fails runs no further step but sends the evidence", async () => {
    const result = await run({
      files: { "/bin/workload": await buildWorkload() },
      steps: ["write /evidence before", "run bad 10 /bin/workload opens 0 0", "write /evidence after", "send /evidence"],
    });
    expect(messagesOf(result)).toEqual(["test: The guest's step `run bad 10 /bin/workload opens 0 0` failed: bad ended with status 2, not 0: workload: 0 is not a number from 1 to 64"]);
    expect(result.ok).toBe(false);
    expect(result.outputs["bad"]).toMatchObject({ stderr: "workload: 0 is not a number from 1 to 64\n", status: 2 });
    expect(textOf(result, "/evidence")).toBe("before");
  });

  test.concurrent.each([
    ["run x 10 /missing", "x ended with status 127, not 0: cannot execute /missing: No such file or directory"],
    ["run x 1 /waiter stubborn", "x did not end in time"],
    ["start x /waiter", "x still runs at the end of the job"],
    ["await x text 1", "no program is called x"],
    ["send /missing", "cannot send /missing: No such file or directory"],
    ["insmod /missing.ko", "insmod ended with status 1, not 0: cannot load /missing.ko: No such file or directory"],
    ["run init 1 /waiter", "cannot start init: Invalid argument"],
    ["dance", "not a step"],
    ['write /x "open', "not a step"],
  ])("with the step `%s` fails and says: %s", async (line, message) => {
    const result = await run({ files: { "/waiter": await buildWaiter() }, steps: [line] });
    expect(messagesOf(result)).toEqual([`test: The guest's step \`${line}\` failed: ${message}`]);
  });

  test("that awaits a text in vain says whether the program ended or ran out of time", async () => {
    const files = { "/waiter": await buildWaiter() };
    const late = await run({ files, steps: ["start x /waiter", "await x never 1"] });
    expect(messagesOf(late).join()).toContain('x ran out of time before it said "never"');
    const ended = await run({ files, steps: ["start x /waiter", "await x ready 9", "signal x KILL", "await x never 9"] });
    expect(messagesOf(ended).join()).toContain('x ended before it said "never"');
    expect(ended.outputs["x"]?.status).toBe(137);
  });

  test("whose init never reports did not boot", async () => {
    const result = await run({ files: { "/init": await buildWaiter() }, boot_ms: 8000 });
    expect(messagesOf(result).join()).toMatch(/^boot: The guest did not report within 8 s of its start/);
    expect(result.total_ms).toBeLessThan(15_000);
  });

  test("that falls silent is a failure", async () => {
    const body = "local_irq_disable();\nfor (;;)\n\tcpu_relax();\nreturn 0;";
    const result = await insert(moduleWithInit("hanger", body), { cpus: 1, silence_ms: 3000 });
    expect(messagesOf(result)).toEqual(["test: The guest fell silent for 3 s in step `insmod /m.ko`"]);
  });

  test("that only waits is not silent, but runs out of its time", async () => {
    const result = await run({ files: { "/waiter": await buildWaiter() }, steps: ["run x 99 /waiter"], silence_ms: 3000, timeout_ms: 12_000 });
    expect(messagesOf(result)).toEqual(["test: The job ran out of its 12 s in step `run x 99 /waiter`"]);
  });

  test("whose module warns is a failure, though every step succeeds", async () => {
    const result = await insert(moduleWithInit("warner", "WARN_ON(1);\nreturn 0;"));
    expect(messagesOf(result)).toHaveLength(1);
    expect(messagesOf(result)[0]).toMatch(/^test: The kernel reported: WARNING: CPU: \d+ PID: \d+ at warner.c:4 /);
  });

  test("whose module oopses reports the oops and still sends the evidence", async () => {
    const result = await insert(moduleWithInit("oopser", "*(volatile int *)8 = 1;\nreturn 0;"), { steps: ["write /evidence x", "insmod /m.ko", "send /evidence"] });
    expect(messagesOf(result).join("\n")).toContain("The kernel reported: BUG: kernel NULL pointer dereference, address: 0000000000000008");
    expect(messagesOf(result).join("\n")).toContain("insmod ended with status 137, not 0");
    expect(textOf(result, "/evidence")).toBe("x");
  });

  test("whose kernel panics is a failure, at once", async () => {
    const result = await insert(moduleWithInit("panicker", 'panic("on purpose");\nreturn 0;'));
    expect(messagesOf(result)[0]).toBe("test: The kernel reported: Kernel panic - not syncing: on purpose");
    expect(messagesOf(result)[1]).toContain("The guest ended before its job did in step `insmod /m.ko`");
  });

  test("loads and unloads a module of several objects", async () => {
    const module = {
      ...moduleWithInit("pair", 'pr_info("pair: %s\\n", pair_text());\nreturn 0;'),
      objects: ["main.o", "src/text.o"],
      cflags: ["-I$(src)/include"],
    };
    const sources = {
      "main.c": `#include <pair.h>\n${String(module.sources["pair.c"])}`,
      "src/text.c": '#include <pair.h>\nconst char *pair_text(void) { return PAIR_TEXT; }\n',
      "include/pair.h": '#define PAIR_TEXT "hello"\nconst char *pair_text(void);\n',
    };
    const result = await insert({ ...module, sources }, { steps: ["insmod /m.ko", "send /proc/modules", "rmmod pair", "insmod /m.ko", "rmmod pair"] });
    expect(messagesOf(result)).toEqual([]);
    expect(result.console).toContain("pair: hello");
    expect(textOf(result, "/proc/modules")).toMatch(/^pair /m);
  });

  test("ends with the host process that a signal ends", async () => {
    const script = fileURLToPath(new URL("guest.test-host.ts", import.meta.url));
    const host = spawn(process.execPath, ["--import", "tsx", script], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => host.stdout.once("data", resolve));
    const guests = await childrenOf(host.pid ?? 0, "qemu-system-x86");
    expect(guests).toHaveLength(1);
    host.kill("SIGINT");
    const signal = await new Promise((resolve) => host.once("exit", (_, name) => resolve(name)));
    expect(signal).toBe("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await isAlive(guests[0] ?? 0)).toBe(false);
  });
});

describe.skipIf(skipped)("buildModule", { timeout: 5 * MINUTE_MS }, () => {
  const kernel = (): Promise<FetchedKernel> => testedKernel();

  test("with a syntax error gives the compiler's message with file and line", async () => {
    const broken = { ...moduleWithInit("broken", "return 0"), objects: ["src/broken.o"] };
    const building = buildModule(await kernel(), { ...broken, name: "broken_module", sources: { "src/broken.c": broken.sources["broken.c"] ?? "" } });
    await expect(building).rejects.toThrow(StpError);
    await expect(building).rejects.toThrow(/^Cannot build module broken_module:\nsrc\/broken\.c: In function ‘begin’:\nsrc\/broken\.c:4:9: error: /u);
  });

  test("with a missing function names it", async () => {
    await expect(buildModule(await kernel(), moduleWithInit("unresolved", "extern int nowhere(void);\nreturn nowhere();"))).rejects.toThrow(/"nowhere" .* undefined!/);
  });

  test("a second time takes it from the cache", async () => {
    const fetched = await kernel();
    const module = moduleWithInit("warner", "WARN_ON(1);\nreturn 0;");
    const first = await buildModule(fetched, module);
    const started_ms = performance.now();
    expect(await buildModule(fetched, module)).toBe(first);
    expect(performance.now() - started_ms).toBeLessThan(100);
    expect(await buildModule(fetched, { ...module, cflags: ["-DOTHER"] })).not.toBe(first);
  });
});

/** Processes of that name whose parent is `parent`. */
async function childrenOf(parent: number, name: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")));
  return stats.flatMap((stat) => {
    const match = /^(\d+) \((.*)\) \S (\d+) /.exec(stat);
    return match?.[2] === name.slice(0, 15) && Number(match[3]) === parent ? [Number(match[1])] : [];
  });
}

async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/\) Z /.test(stat);
}
