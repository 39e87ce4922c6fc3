/** Compiles a probe with the runtime for the sandbox. Siblings: compile.ts, sandbox.ts; kernel-harness/program.ts is the kernel's. */
import { posix } from "node:path";
import { StpError } from "../spec/errors.ts";
import type { RuntimeSources } from "../spec/runtime.ts";
import { compileWasm, type CompileResult } from "./compile.ts";

export interface ProbeSource {
  /** Path as its author gave it: it stands in messages. */
  readonly path: string;
  readonly text: string;
  /** Providers of its author's own. */
  readonly providers?: readonly ProviderSource[];
}

/** A C file that defines `stp_provider_NAME` for a kernel; the sandbox, whose hits come from a trace, needs only the name. */
export interface ProviderSource extends Pick<ProbeSource, "path" | "text"> {
  readonly name: string;
}

/** What an author's code is held to. */
export const PROBE_CFLAGS = ["-Wall", "-Wextra", "-Wno-sign-compare"] as const;

/** Tries for a map's lock in the sandbox, where who waits is scheduled at once: few, so that no run is long. */
export const SANDBOX_LOCK_SPINS_MAX = 16;

/** C symbols by which sandbox.ts drives a session. */
const EXPORTS = [
  "stp_sim_probes",
  "stp_sim_probe_provider",
  "stp_sim_probe_target",
  "stp_sim_probe_line",
  "stp_sim_probe_optional",
  "stp_sim_maps",
  "stp_sim_hold",
  "stp_sim_limit",
  "stp_sim_overwrite",
  "stp_sim_snapshot",
  "stp_sim_snapshot_size",
  "stp_sim_drop_snapshot",
  "stp_sim_init",
  "stp_sim_start",
  "stp_sim_hit",
  "stp_sim_stop",
  "stp_sim_drain",
  "stp_sim_refill",
  "stp_sim_readable",
  "stp_sim_discard",
  "stp_sim_read_begin",
  "stp_sim_read",
  "stp_sim_taken",
  "stp_sim_taken_size",
  "stp_sim_fini",
  "stp_sim_fail_alloc",
  "stp_sim_unread",
  "stp_sim_row",
  "stp_sim_finish",
  "stp_sim_log",
  "stp_sim_show",
  "stp_sim_show_own",
  "stp_sim_missing",
  "stp_sim_set_time",
  "stp_sim_set_cpu",
  "stp_sim_set_level",
];

/** Compiles. With `instrument` the result can be preempted at each access. Throws StpError with clang's message. */
export async function compileProbe(probe: ProbeSource, runtime: RuntimeSources, instrument: boolean, report?: (line: string) => void): Promise<CompileResult> {
  const path = pathInTree(probe.path);
  const port = ["hooks", "cpu", "world", "sandbox"].map((unit) => `runtime-c/port/wasm32/${unit}.c`);
  const own = Object.fromEntries((probe.providers ?? []).map(({ name }) => [`providers/${name}.c`, `#include <provider.h>\nSTP_SIM_PROVIDER(${name});\n`]));
  const compiled = compileWasm({
    sources: { ...runtime.files, ...own, [path]: probe.text },
    units: [path, ...Object.keys(own), ...runtime.core, ...port],
    includes: runtime.includes,
    defines: { STP_SOURCE_HASH: `"${runtime.hash}"`, STP_LOCK_SPINS_MAX: String(SANDBOX_LOCK_SPINS_MAX) },
    cflags: PROBE_CFLAGS,
    exports: EXPORTS,
    authored: [path],
    instrument,
    ...(report ? { report } : {}),
  });
  const named = (text: string): string => asGiven(text, probe.path);
  return compiled.then((result) => ({ ...result, warnings: named(result.warnings) })).catch((error: unknown) => {
    throw error instanceof StpError ? new StpError(named(error.message), { cause: error }) : error;
  });
}

/** Where a probe stands among the sources that are compiled with it: below their root, and with no character that make dislikes. */
export function pathInTree(path: string): string {
  return posix.normalize(path).replace(/^(\.\.\/|\/)+/, "").replace(/[^\w./-]/g, "_");
}

/** A compiler's text with the probe's path as its author gave it. */
export function asGiven(text: string, path: string): string {
  const inTree = new RegExp(`(?<![\\w./-])${pathInTree(path).replaceAll(".", "\\.")}(?![\\w-])`, "g");
  return text.replace(inTree, () => path);
}
