/** The stress module: the runtime, and contexts that use all of it at once. Sibling: ../program.ts */
import { readFileSync } from "node:fs";
import { PROJECT_ROOT, runtimeSources, type RuntimeSources } from "../../spec/runtime.ts";
import type { ModuleSource } from "../module.ts";
import { kernelFlags, PORT_UNITS } from "../program.ts";

const HERE = "kernel-harness/stress";
const PORT = "runtime-c/port/kernel";
const UNITS = ["stress_main", "load", "reader"] as const;

/** The module. `change` may give other sources of the runtime: to see that a broken one is found. */
export function stressModule(change: (files: RuntimeSources["files"]) => RuntimeSources["files"] = (files) => files): ModuleSource {
  const runtime = runtimeSources("kernel");
  const own = [...UNITS.map((unit) => `${HERE}/${unit}.c`), `${HERE}/nmi.h`, `${HERE}/stress.h`];
  const units = [`${PORT}/program_first.c`, ...UNITS.map((unit) => `${HERE}/${unit}.c`), ...runtime.core, ...PORT_UNITS.map((unit) => `${PORT}/${unit}.c`), `${PORT}/program_last.c`];
  return {
    name: "stp_stress",
    sources: { ...change(runtime.files), ...Object.fromEntries(own.map((path) => [path, readFileSync(PROJECT_ROOT + path, "utf8")])) },
    objects: units.map((path) => path.replace(/\.c$/, ".o")),
    cflags: kernelFlags(runtime.hash, runtime.includes),
  };
}
