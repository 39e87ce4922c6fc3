/** Bad input: one clear sentence, exit 2, nothing on stdout, and nothing left behind. */
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeRecords } from "../spec/recording/record.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { stp, TEST_MS_MAX } from "./testing.ts";

const EXAMPLE = join(PROJECT_ROOT, "examples/001-opens");

const probe = (attach: string, body = 'stp_printf(ctx, "x\\n");'): string => `#include <stp/stp.h>\n\nSTP_PROBE(${attach})\n{\n\t${body}\n}\n`;

const cases = (name: string, contexts: string): string => `#include <stp_explore.h>\n\nstatic u32 x;\n\nstatic void run(uintptr_t unused)\n{\n\tSTP_WRITE(x, 1);\n}\n\nSTP_CASE(${name})\n{\n\t${contexts}\n}\n`;

/** Files that the commands are run beside; by relative paths, so that what is compiled once stays in the cache. */
const FILES = {
  "fine.c": probe('kprobe, "do_sys_openat2"'),
  "syntax.c": probe('kprobe, "do_sys_openat2"', 'stp_printf(ctx, "x\\n")'),
  "unknown.c": probe('kprobe, "do_sys_openat"'),
  "kind.c": probe('kprob, "do_sys_openat2"'),
  "unrecorded.c": probe('kprobe, "vfs_read"'),
  "trap.c": probe('kprobe, "do_sys_openat2"', 'stp_printf(ctx, "%d\\n", *(volatile int *)0xfffffff0);'),
  "null.c": probe('kprobe, "do_sys_openat2"', 'stp_printf(ctx, "%d\\n", *(volatile int *)8);'),
  "caseless.c": "#include <stp_explore.h>\n",
  "lonely.c": cases("alone", "stp_task(0, run, 0);"),
  "far.c": cases("far", "stp_task(0, run, 0); stp_task(64, run, 0);"),
  "two.c": cases("two", "stp_task(0, run, 0); stp_task(1, run, 0);"),
  "notes.txt": "not C\n",
  "malformed.ops": "# a comment\ncpu0 ctx_task dance\n",
  "empty.ops": "# nothing\n",
};

let directory = "";
let there: string[] = [];

async function copyTrace(name: string, damage: (trace: string) => Promise<unknown>): Promise<void> {
  await cp(join(EXAMPLE, "trace"), join(directory, name), { recursive: true });
  await damage(join(directory, name));
}

async function replaceInManifest(trace: string, before: RegExp, after: string): Promise<void> {
  const path = join(trace, "manifest.json");
  await writeFile(path, (await readFile(path, "utf8")).replace(before, after));
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "test-of-bad-input-"));
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(directory, name), text);
  await mkdir(join(directory, "inner"));
  await symlink("nowhere", join(directory, "dangling"));
  const records = [...decodeRecords(await readFile(join(EXAMPLE, "trace/cpu0.data")))];
  const boundary = Number(records[1000]!.sequence);
  await copyTrace("cut", async (trace) => truncate(join(trace, "cpu0.data"), boundary + 20));
  await copyTrace("short", async (trace) => truncate(join(trace, "cpu0.data"), boundary));
  await copyTrace("lacking", async (trace) => rm(join(trace, "cpu1.data")));
  await copyTrace("broken", async (trace) => truncate(join(trace, "manifest.json"), 500));
  await copyTrace("later", async (trace) => replaceInManifest(trace, /"protocol_version":\d+/, '"protocol_version":99'));
  await copyTrace("symbolless", async (trace) => writeFile(join(trace, "symbols/kallsyms.gz"), "not gzip"));
  there = await readdir(directory);
  // What all of them share is compiled once, not by each at once.
  for (const verb of ["run", "check"]) await stp([verb, "unknown.c"], { cwd: directory });
}, 2 * TEST_MS_MAX);
afterAll(() => rm(directory, { recursive: true, force: true }));

/** The command gives this sentence, alone or before a compiler's own lines, and leaves all as it was. */
async function expectRefusal(command: readonly string[], sentence: string | RegExp, compilerSays?: RegExp): Promise<void> {
  const { status, stdout, stderr, left } = await stp(command, { cwd: directory });
  const [first = "", ...further] = stderr.trimEnd().split("\n");
  if (typeof sentence === "string") expect(first).toBe(sentence);
  else expect(first).toMatch(sentence);
  if (compilerSays) expect(further.join("\n")).toMatch(compilerSays);
  else expect(further).toEqual([]);
  expect({ status, stdout, left }).toEqual({ status: 2, stdout: "", left: [] });
  // Others run at the same time, and one of them has its recording beside its place for a moment: "leaves nothing" is last.
  expect((await readdir(directory)).filter((name) => !name.includes(".tmp-"))).toEqual(there);
  expect(await readdir(join(directory, "inner"))).toEqual([]);
}

const TRACE = join(EXAMPLE, "trace");
const NEAREST = /nearest: .*\bdo_sys_openat2\b/;

describe("stp", { timeout: TEST_MS_MAX }, () => {
  test.concurrent.each([
    ["run", "syntax.c"],
    ["check", "./syntax.c"],
    ["run", "inner/../syntax.c"],
  ])("%s %s, a syntax error, gives clang's message with the path as given and the line", async (verb, path) => {
    const said = new RegExp(`^${path.replaceAll(".", "\\.")}:5:\\d+: error: expected ';'`);
    await expectRefusal([verb, path], `stp: Cannot compile ${path}:`, said);
  });

  test.concurrent("run with an unknown provider has clang say which is near", async () => {
    await expectRefusal(["run", "kind.c", "-o", "out"], "stp: Cannot compile kind.c:", /^kind\.c:3:1: error: .*stp_provider_kprob'; did you mean 'stp_provider_kprobe'/);
  });

  test.concurrent.each<[string, readonly string[], string | RegExp]>([
    ["run, unknown function, no trace", ["run", "unknown.c", "-o", "out"], /^stp: unknown\.c:3: kprobe do_sys_openat does not exist in Debian's 6\.1 kernel; nearest: do_sys_openat2\b/],
    ["run, unknown function, a trace", ["run", "unknown.c", "--trace", TRACE], NEAREST],
    ["run, unknown function, a trace with damaged symbols", ["run", "unknown.c", "--trace", "symbolless"], /^stp: Cannot read symbolless\/symbols\/kallsyms\.gz: /],
    ["check, unknown function", ["check", "unknown.c"], NEAREST],
    ["run, function not recorded", ["run", "unrecorded.c", "--trace", TRACE], /^stp: unrecorded\.c:3: kprobe vfs_read was not recorded in .*, which has do_sys_openat2; record it by /],
    ["run, no trace at all", ["run", "fine.c"], /^stp: fine\.c:3: kprobe do_sys_openat2 needs a trace: give one by --trace, or record one by /],
    ["run, missing probe", ["run", "absent.c"], /^stp: Cannot read the probe absent\.c: ENOENT/],
    ["run, probe that is a directory", ["run", "inner"], "stp: Cannot read the probe inner: it is no C file; its name must end in .c"],
    ["run, probe that is no C", ["run", "notes.txt"], "stp: Cannot read the probe notes.txt: it is no C file; its name must end in .c"],
    ["run, probe that traps", ["run", "trap.c", "--trace", TRACE], "stp: Cannot run the probes to their end: the probe of kprobe do_sys_openat2 trapped, at its hit 1 (memory access out of bounds)"],
    ["run, missing trace", ["run", "fine.c", "--trace", "absent"], "stp: Cannot read recording absent: there is no such directory; give the one that a session wrote"],
    ["run, trace cut inside a record", ["run", "fine.c", "--trace", "cut", "-o", "out"], /^stp: Cannot replay cut: cpu0\.data: at offset \d+: the file ends inside a record; 20 bytes skipped; record it again /],
    ["run, trace cut between records", ["run", "fine.c", "--trace", "short", "-o", "out"], /^stp: Cannot replay short: cpu0\.data holds 1000 records of \d+; record it again /],
    ["check, trace cut between records", ["check", "fine.c", "--trace", "short"], /^stp: Cannot replay short: cpu0\.data holds 1000 records of \d+; /],
    ["run, trace without a CPU's file", ["run", "fine.c", "--trace", "lacking"], /^stp: Cannot replay lacking: cpu1\.data: .*the file is missing; /],
    ["run, trace with half a manifest", ["run", "fine.c", "--trace", "broken"], /^stp: Cannot read recording broken: manifest\.json is cut short or damaged .*; record again$/],
    ["run, trace of another protocol", ["run", "fine.c", "--trace", "later"], /^stp: Cannot read recording later: its protocol version is 99, this stp reads \d+; use the stp that recorded it$/],
    ["post, missing recording", ["post", "absent"], /^stp: Cannot read recording absent: there is no such directory/],
    ["run, unknown kernel", ["run", "fine.c", "--on", "debian-6.1-clod"], /^stp: Cannot find kernel "debian-6\.1-clod": did you mean debian-6\.1-cloud\? /],
    ["kernel fetch, unknown kernel", ["kernel", "fetch", "debian-6.1-tr"], /did you mean debian-6\.1-rt/],
    ["kernel record, unknown kernel", ["kernel", "record", "fine.c", "-o", "out", "--on", "nope"], /^stp: Cannot find kernel "nope": /],
    ["kernel test, unknown kernel", ["kernel", "test", "debian-6.1", "nope"], /^stp: Cannot find kernel "nope": /],
    ["kernel test, unknown test", ["kernel", "test", "--test", "stres"], /^stp: Cannot find test "stres": the nearest are stress/],
    ["kernel test, all and one", ["kernel", "test", "--all", "debian-6.1"], "stp: Cannot test all kernels and chosen ones: leave out --all, or the kernels, --full and --test"],
    ["kernel test, full and one test", ["kernel", "test", "--full", "--test", "stress"], "stp: Cannot run the full tests and chosen ones: leave out --full or --test"],
    ["kernel test, no such directory", ["kernel", "test", "--kernel-dir", "absent"], "stp: Cannot use the kernel in absent: there is no such directory"],
    ["kernel test, no kernel in it", ["kernel", "test", "./inner"], /^stp: Cannot use the kernel in \.\/inner: it is no kernel's build tree /],
    ["kernel test, results that exist", ["kernel", "test", "--results", "inner"], "stp: Cannot write into inner: it exists already; name a new directory"],
    ["kernel test, 0 guests", ["kernel", "test", "--guests", "0"], /from 1 to 64$/],
    ["kernel bisect, one kernel", ["kernel", "bisect", "debian-6.1"], /^stp: Cannot bisect fewer than two kernels: /],
    ["verify, unknown kernel after a known world", ["verify", "--ops", "10", "--on", "sandbox,nope"], /^stp: Cannot find kernel "nope": /],
    ["run, trace for a kernel", ["run", "fine.c", "--on", "debian-6.1-cloud", "--trace", TRACE], /^stp: Cannot run over .* on debian-6\.1-cloud: a trace is for the sandbox; /],
    ["run, 0 CPUs", ["run", "fine.c", "--cpus", "0"], "stp: option '--cpus <n>' argument '0' is invalid: it must be a whole number from 1 to 64"],
    ["run, 65 CPUs", ["run", "fine.c", "--cpus", "65"], /from 1 to 64$/],
    ["run, x CPUs", ["run", "fine.c", "--cpus", "x"], /from 1 to 64$/],
    ["run, output that exists", ["run", "fine.c", "--trace", TRACE, "-o", "inner"], "stp: Cannot write into inner: it exists already; name a new directory"],
    ["run, output below nothing", ["run", "fine.c", "--trace", TRACE, "-o", "absent/out"], "stp: Cannot write into absent/out: there is no directory absent; make it first"],
    ["run, output that cannot be made", ["run", "fine.c", "--trace", TRACE, "-o", "/proc/out"], /^stp: Cannot write the recording \/proc\/out: ENOENT/],
    ["run, output over a dangling link", ["run", "fine.c", "--trace", TRACE, "-o", "dangling"], /^stp: Cannot write the recording dangling: ENOTDIR/],
    ["run, output without a name", ["run", "fine.c", "--trace", TRACE, "-o", ""], "stp: Cannot write into a directory without a name; name a new directory"],
    ["kernel record, output that exists", ["kernel", "record", "fine.c", "-o", "inner"], "stp: Cannot write into inner: it exists already; name a new directory"],
    ["check, scenario alone", ["check", "fine.c", "--scenario", "fresh/0/0/same/I1"], "stp: Cannot replay: give both --scenario and --schedule, as a failure prints them"],
    ["check, bad schedule", ["check", "fine.c", "--scenario", "fresh/0/0/same/I1", "--schedule", "T0:2 Q1"], /^stp: Bad step "Q1" at column 6 of the schedule: expected /],
    ["check, unknown scenario", ["check", "fine.c", "--scenario", "stale/0/0/same", "--schedule", "T0:2 I1:* T0"], "stp: Cannot replay: fine.c has no scenario stale/0/0/same"],
    ["check, schedule that does not fit", ["check", "fine.c", "--scenario", "fresh/0/0/same/I1", "--schedule", "T0:99999 I1:* T0"], /^stp: Cannot replay "T0:99999 I1:\* T0" in scenario fresh\/0\/0\/same\/I1: T0 ended after \d+ events, /],
    ["check, page that cannot be written", ["check", "null.c", "--html", "absent/page.html"], /^stp: Cannot write the picture absent\/page\.html: ENOENT/],
    ["run, a made-up world and a trace", ["run", "fine.c", "--seed", "1", "--trace", TRACE], /^stp: Cannot run over .* and a made-up world: leave out --trace or --seed$/],
    ["run, a made-up world on a kernel", ["run", "fine.c", "--seed", "1", "--on", "debian-6.1-cloud"], /^stp: Cannot run over a made-up world on debian-6\.1-cloud: it is for the sandbox; /],
    ["explore, missing file", ["explore", "absent.c"], /^stp: Cannot explore absent\.c: ENOENT/],
    ["explore, no C", ["explore", "notes.txt"], "stp: Cannot explore notes.txt: it is no C file; its name must end in .c"],
    ["explore, no case", ["explore", "caseless.c"], "stp: Cannot explore caseless.c: it has no case; define one by STP_CASE(name) of <stp_explore.h>"],
    ["explore, one context", ["explore", "lonely.c"], "stp: Cannot explore case alone of lonely.c: it has 1 context; add some by stp_task(), stp_irq(), …"],
    ["explore, CPU 64", ["explore", "far.c"], "stp: Cannot explore case far of far.c: CPU 64 does not exist; they are 0 to 63"],
    ["explore, unknown case", ["explore", "two.c", "--case", "three"], "stp: Cannot explore case three of two.c: it has two"],
    ["explore, bad schedule", ["explore", "two.c", "--schedule", "T0:x"], /^stp: Bad step "T0:x" at column 1 of the schedule: expected /],
    ["explore, schedule that does not fit", ["explore", "two.c", "--schedule", "T0:9 T1:*"], /^stp: Cannot replay "T0:9 T1:\*" in case two: T0 ended after 1 events, before its event 9$/],
    ["explore, store that cannot be held", ["explore", "two.c", "--schedule", "T0:* d#7 T1:*"], /^stp: Cannot replay .* in case two: Store 7 of T0 cannot be held back there$/],
    ["unknown verb", ["rum"], "stp: unknown command 'rum' (Did you mean run?)"],
    ["replay, malformed line", ["replay", "malformed.ops"], /^stp: malformed\.ops:2: Cannot read the operation "cpu0 ctx_task dance" at column \d+: /],
    ["replay, no operation", ["replay", "empty.ops"], "stp: Cannot replay empty.ops: it holds no operation"],
    ["replay, missing file", ["replay", "absent.ops"], /^stp: Cannot read absent\.ops: ENOENT/],
    ["replay, unknown world", ["replay", "malformed.ops", "--on", "mars"], "stp: Cannot replay on mars: the worlds are sandbox and native"],
  ])("%s: one sentence", async (_situation, command, sentence) => {
    await expectRefusal(command, sentence);
  });
});

test("stp, after all of this bad input, has left nothing half-written", async () => {
  expect(await readdir(directory)).toEqual(there);
});
