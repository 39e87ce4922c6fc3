/** The runtime as a kernel module: with a probe, or with the replay interpreter. */
import { readFileSync } from "node:fs";
import { pathInTree, SANDBOX_LOCK_SPINS_MAX, type ProviderSource } from "../sim/probe.ts";
import { PROJECT_ROOT, runtimeSources } from "../spec/runtime.ts";
import { LIBRARY_OBJECT, type ModuleSource } from "./module.ts";

const PORT = "runtime-c/port/kernel";

/** What the core asks of the port; and what that needs. */
export const PORT_UNITS = ["port", "division", "memory", "btf", "nearest", "stack", "tracepoint", "trace_event", "counters", "refuse"];

/** The same for a replay, which has no memory of its own to look at. */
const REPLAY_PORT_UNITS = ["port", "stack"];

/** The other providers, and what makes a session of it. */
const SESSION_UNITS = ["kprobe", "kretprobe", "timer", "uprobe", "elf", "perf", "control_file", "relay", "snapshot", "netlink", "netlink_report", "control", "reports", "files", "modules", "module"];

const objectOf = (unit: string): string => unit.replace(/\.c$/, ".o");

/** Flags that the core is compiled with in a kernel. */
export function kernelFlags(hash: string, includes: readonly string[]): string[] {
  return [
    ...includes.map((path) => `-I$(src)/${path}`),
    `-DSTP_SOURCE_HASH='"${hash}"'`,
    "-Wno-declaration-after-statement",
    "-fno-tree-loop-distribute-patterns", // a loop over a few words is to stay one: memcpy() costs more to begin
  ];
}

/** Name of the module of a probe: from the name of its folder or file, `stp_` before it so that it clashes with no other. */
export function moduleName(path: string): string {
  const parts = path.split("/").filter((part) => part !== "");
  const last = parts.at(-1) ?? "probe";
  const base = last === "probe.c" ? (parts.at(-2) ?? "probe") : last.replace(/\.c$/, "");
  return `stp_${base.toLowerCase().replace(/[^a-z0-9]+/g, "_")}`;
}

interface ProbeModuleOptions {
  readonly name?: string;
  /** Providers of its author's own. */
  readonly providers?: readonly ProviderSource[];
}

/** The module of the probe in `text`, whose path is only for messages. */
export function probeModule(path: string, text: string, { name = moduleName(path), providers = [] }: ProbeModuleOptions = {}): ModuleSource {
  const runtime = runtimeSources("kernel");
  const relative = path.startsWith(PROJECT_ROOT) ? path.slice(PROJECT_ROOT.length) : pathInTree(path);
  const port = [...PORT_UNITS, ...SESSION_UNITS].map((unit) => `${PORT}/${unit}.o`);
  const cflags = kernelFlags(runtime.hash, runtime.includes);
  const own = Object.fromEntries(providers.map((provider) => [`providers/${provider.name}.c`, provider.text]));
  return {
    name,
    sources: { ...runtime.files, ...own, [relative]: text },
    objects: [`${PORT}/program_first.o`, objectOf(relative), ...Object.keys(own).map(objectOf), LIBRARY_OBJECT, `${PORT}/program_last.o`],
    library: { sources: runtime.files, objects: [...runtime.core.map(objectOf), ...port], cflags },
    cflags,
  };
}

/** The module that replays operations. */
export function replayModule(): ModuleSource {
  const runtime = runtimeSources("kernel");
  const own = ["turns.h", "turns.c", "no_memory.c", "replay_main.c"].map((file) => `kernel-harness/module/${file}`);
  return {
    name: "stp_replay",
    sources: { ...runtime.files, ...Object.fromEntries(own.map((path) => [path, readFileSync(PROJECT_ROOT + path, "utf8")])) },
    objects: [...own.filter((path) => path.endsWith(".c")), ...runtime.core, ...runtime.replay, ...REPLAY_PORT_UNITS.map((unit) => `${PORT}/${unit}.c`)].map(objectOf),
    // As in the sandbox: a replay finds maps held by "another CPU" that will not give them back meanwhile.
    cflags: [...kernelFlags(runtime.hash, runtime.includes), `-DSTP_LOCK_SPINS_MAX=${SANDBOX_LOCK_SPINS_MAX}`],
  };
}
