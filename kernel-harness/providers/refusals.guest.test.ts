/** What cannot be attached is said in one sentence, and leaves nothing. Boots one guest. */
import { beforeAll, describe, expect, test } from "vitest";
import { runGuest, type GuestResult } from "../guest.ts";
import { buildStpd } from "../run.ts";
import { step } from "../steps.ts";
import { testedKernel } from "../testing.ts";
import { buildHelper, buildProbes, readRecording } from "./run.ts";

const MINUTE_MS = 60_000;

type Refusal = readonly [provider: string, target: string, says: RegExp];

const NAMES: readonly Refusal[] = [
  ["kprobe", "no_such_function", /^no such function \(-2\)$/],
  ["kretprobe", "no_such_function", /^no such function \(-2\)$/],
  ["tracepoint", "sched:sched_swich", /^no such tracepoint; nearest: sched:sched_switch, /],
  ["tracepoint", "shed:sched_switch", /^no such tracepoint; nearest: (.*, )?sched(,|$)/],
  ["uprobe", "/no/such/file:main", /^no such file: \/no\/such\/file cannot be read \(-2\)$/],
  ["uprobe", "/hits:hits_cal", /^no such function: \/hits has no symbol hits_cal$/],
  ["perf", "page-fault", /^no such event; nearest: page-faults, /],
];

const FORMS: readonly Refusal[] = [
  ["tracepoint", "sched_switch", /^give a category and an event, as sched:sched_switch$/],
  ["timer", "10 apples", /^give an interval of 100 us to a day as 500us, 10ms or 1s, or a rate of 1 to 10000 as 97hz$/],
  ["timer", "99us", /^give an interval /],
  ["profile", "0hz", /^give an interval /],
  ["profile", "99999999999999999999s", /^give an interval /],
  ["uprobe", "hits:main", /^give a whole path and a function or an offset in the file, as \/bin\/sh:main or \/bin\/sh:0x1234$/],
  ["uprobe", "/hits:0x12zz", /^0x12zz is no offset$/],
  ["uprobe", "/tmp:main", /^\/tmp is no file$/],
  ["uprobe", "/job:main", /^\/job is no executable or library that can be read$/],
  ["perf", "page-faults:0", /^give a period of at least 1 behind the colon, as page-faults:1$/],
  ["perf", "cpu-clock:99", /^give a period of at least 100000 behind the colon, as cpu-clock:1000000$/],
  ["control_read", "a/b", /^the name of a file is of letters, digits, - and _$/],
];

const body = "{\n\tstp_map_add(&hits, STP_KEY(), 1);\n}\n";
const head = "#include <stp/stp.h>\n\nSTP_MAP(hits, STP_KEYS(), STP_INT64);\n\n";
const probe = (macro: string, provider: string, target: string): string => `${macro}(${provider}, "${target}")\n${body}\n`;

/** All of them may be missing; one probe is not. */
const optional = (refusals: readonly Refusal[]): string =>
  `${head}${refusals.map(([provider, target]) => probe("STP_OPTIONAL_PROBE", provider, target)).join("")}${probe("STP_PROBE", "kprobe", "__x64_sys_getppid")}STP_PROBE(end)\n{\n\tstp_printf(ctx, "%d hits\\n", stp_map_get(&hits, STP_KEY()));\n}\n`;

/** Attached one after the other; the last one fails. */
const HARD_PROBES = [
  ["kprobe", "__x64_sys_getppid"],
  ["kretprobe", "__x64_sys_getppid"],
  ["timer", "1ms"],
  ["profile", "97hz"],
  ["tracepoint", "sched:sched_switch"],
  ["uprobe", "/hits:hits_call"],
  ["perf", "page-faults"],
  ["control_read", "file"],
  ["control_write", "file"],
  ["control_write", "file"],
] as const;
const HARD = head + HARD_PROBES.map(([provider, target]) => probe("STP_PROBE", provider, target)).join("");

const FIELD = `${head}STP_PROBE(tracepoint, "sched:sched_switch")\n{\n\tstp_map_add(&hits, STP_KEY(), stp_tracepoint_int(ctx, prev_pit));\n}\n`;

const PROGRAMS = { "names.c": optional(NAMES), "forms.c": optional(FORMS), "hard.c": HARD, "field.c": FIELD } as const;

describe("a probe that cannot be attached", () => {
  let guest: GuestResult;
  const saidBy = (name: string): string => guest.outputs[name]?.stderr ?? "";

  beforeAll(async () => {
    const kernel = await testedKernel();
    const modules: Record<string, string> = {};
    for (const [file, text] of Object.entries(PROGRAMS)) modules[`/${file.replace(".c", "")}`] = (await buildProbes(kernel, file, text)).path;
    guest = await runGuest(kernel, {
      files: { "/stpd": await buildStpd(), "/hits": await buildHelper("hits"), ...Object.fromEntries(Object.entries(modules).map(([path, module]) => [`/stp_${path.slice(1)}.ko`, module])) },
      steps: [
        ...["names", "forms"].flatMap((name) => [
          step("start", name, "/stpd", "-o", `/${name}`, `/stp_${name}.ko`),
          step("await", name, "started", 60),
          step("run", `hits-${name}`, 60, "/hits", "getppid", 10),
          step("signal", name, "INT"),
          step("wait", name, 60),
          step("send", `/${name}`),
        ]),
        ...["hard", "field"].flatMap((name) => [step("start", name, "/stpd", "-o", `/${name}`, `/stp_${name}.ko`), step("wait", name, 60, 2)]),
        step("send", "/proc/modules"),
      ],
    });
    expect(guest.problems, ["names", "forms", "hard", "field"].map(saidBy).join("\n")).toEqual([]);
  }, 6 * MINUTE_MS);

  test.each([["names", NAMES], ["forms", FORMS]] as const)("is said in one sentence, and an optional one does not hold up the others: %s", async (name, refusals) => {
    const lines = saidBy(name).split("\n");
    for (const [provider, target, says] of refusals) {
      const found = lines.filter((line) => line.includes(`: cannot attach ${provider} ${target}: `));
      expect(found, `${provider} ${target} in\n${lines.join("\n")}`).toHaveLength(1);
      expect(/^stpd: \S+\.c:\d+: cannot attach /.test(found[0]!), found[0]).toBe(true);
      expect(found[0]!.split(`: cannot attach ${provider} ${target}: `)[1]).toMatch(says);
    }
    expect(lines.filter((line) => line.endsWith(": the session goes on without this optional probe"))).toHaveLength(refusals.length);
    expect((await readRecording(guest.files, `/${name}`)).output).toBe("10 hits\n");
  });

  test("ends a session for which it is not optional, and the others are detached", () => {
    expect(saidBy("hard")).toMatch(/cannot attach control_write file: the program has another probe of that file/);
    expect(saidBy("hard")).toMatch(/the session could not start/);
  });

  test("for a field that no tracepoint has names the nearest", () => {
    expect(guest.console).toMatch(/\.c:7: no tracepoint of this program has a field prev_pit; nearest: prev_pid, /);
  });

  test("leaves no module", () => {
    expect(Buffer.from(guest.files.get("/proc/modules")!).toString()).not.toContain("stp_");
  });
});
