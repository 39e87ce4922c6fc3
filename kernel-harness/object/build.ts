/** The module that is looked at: the whole runtime with everything.c, as Kbuild makes it for a kernel. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { messageOf, StpError } from "../../spec/errors.ts";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import { fetchKernel } from "../fetch.ts";
import { findKernel } from "../kernels.ts";
import { buildModule } from "../module.ts";
import { needProgram } from "../process.ts";
import { probeModule } from "../program.ts";
import { ALLOWED } from "./allowed.ts";
import { analyseObject, type ObjectReport, type Tables } from "./analyse.ts";
import { declaredCalls } from "./calls.ts";
import { parseDisassembly } from "./disassembly.ts";
import { INDIRECT } from "./indirect.ts";
import { HITS_IN_TASK_CONTEXT, NOT_FROM_PROBES } from "./not-from-probes.ts";

const PROGRAM = "kernel-harness/object/everything.c";
const HEADERS = "runtime-c/include/stp";

/** The tables are for the calls that this kernel's configuration makes. */
const KERNEL = "debian-6.1-cloud";

const OBJDUMP_MS_MAX = 60_000;
const OUTPUT_SIZE_MAX = 256 * 1024 * 1024; // more is refused, never cut

export interface BuildOptions {
  /** Told what is happening, one line at a time. */
  readonly report?: (line: string) => void;
  /** Added to the program: functions for a test to find fault with. */
  readonly more?: string;
}

/** Builds the module and looks at it. Throws StpError if it cannot be built or read. */
export async function analyseRuntime({ report, more = "" }: BuildOptions = {}): Promise<ObjectReport> {
  const kernel = await fetchKernel(findKernel(KERNEL), report ? { report } : {});
  const program = `${readFileSync(PROJECT_ROOT + PROGRAM, "utf8")}${more}`;
  const module = await buildModule(kernel, { ...probeModule(PROGRAM, program), ...(report ? { report } : {}) });
  return analyseObject(parseDisassembly(await disassemble(module)), tables());
}

async function disassemble(path: string): Promise<string> {
  const objdump = needProgram("objdump", "binutils");
  try {
    const { stdout } = await promisify(execFile)(objdump, ["-drw", "--no-show-raw-insn", path], {
      timeout: OBJDUMP_MS_MAX,
      maxBuffer: OUTPUT_SIZE_MAX,
      env: { ...process.env, LC_ALL: "C" },
    });
    return stdout;
  } catch (cause) {
    throw new StpError(`Cannot disassemble ${path}: ${messageOf(cause)}`, { cause });
  }
}

function tables(): Tables {
  const headers = readdirSync(PROJECT_ROOT + HEADERS).filter((name) => name.endsWith(".h"));
  return {
    calls: declaredCalls(Object.fromEntries(headers.map((name) => [join(HEADERS, name), readFileSync(join(PROJECT_ROOT, HEADERS, name), "utf8")]))),
    allowed: ALLOWED,
    indirect: INDIRECT,
    notFromProbes: NOT_FROM_PROBES,
    taskHits: HITS_IN_TASK_CONTEXT,
  };
}
