/** What stpd reads of ELF files, over damaged ones: native, but a module must be built first. Sibling: elf_main.c */
import { expect, test } from "vitest";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import { needProgram, runProcess } from "../process.ts";
import { buildStpd } from "../run.ts";
import { readSources } from "../sources.ts";
import { buildProgram } from "../tools.ts";
import { linesModule, MINUTE_MS } from "./daemon.ts";

const SEED = 11;

test(`stpd reads modules and programs, and nothing wrong of cut and changed ones; seed ${SEED}`, { timeout: 5 * MINUTE_MS }, async () => {
  const sources = await readSources(PROJECT_ROOT, ["kernel-harness/daemon/elf_main.c", "stpd/daemon/elf.c", "stpd/daemon/elf.h"]);
  const main = await buildProgram({ name: "elf_main", sources, cflags: ["-iquotestpd/daemon", "-D_FORTIFY_SOURCE=2", "-fstack-protector-all"] });
  const stpd = await buildStpd();
  const { status, stdout, stderr } = await runProcess(main, [await linesModule(), stpd, String(SEED)], { timeout_ms: 2 * MINUTE_MS });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const notes = await runProcess(needProgram("readelf", "binutils"), ["-n", stpd], { timeout_ms: 10_000 });
  expect(stdout).toBe(`name=stp_lines\nvermagic=${/vermagic=(.*)/.exec(stdout)![1]}\nmode=1\nmod=0\n${/Build ID: ([0-9a-f]+)/.exec(notes.stdout)?.[1] ?? ""}\n`);
  expect(stdout).toMatch(/^vermagic=6\.1\.0-\S+ SMP /m);
});
