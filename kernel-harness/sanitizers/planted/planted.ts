/**
 * Bugs that only a kernel can show, each planted into a copy of the module, and the report that must name it.
 *
 * Sibling: properties/sync-mutants.ts plants those that the sandbox can see.
 */
import { StpError } from "../../../spec/errors.ts";
import type { KernelReportKind } from "../../console.ts";
import type { ModuleSource } from "../../module.ts";

/** One change. `from` must be in the file exactly once: a change that fits no more says so. */
export interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface PlantedBug extends Change {
  /** A word: the test in which it runs. */
  readonly name: string;
  readonly about: string;
  readonly expects: { readonly kind: KernelReportKind; readonly title: RegExp; readonly frame: Frame };
}

/** Where a frame of the report must be: in the lines of the change, or anywhere in files that begin so. */
type Frame = "change" | `runtime-c/${string}`;

const KPROBE = "runtime-c/port/kernel/kprobe.c";
const RELAY = "runtime-c/port/kernel/relay.c";
const MEMORY = "runtime-c/port/kernel/memory.c";
const MAP_CORE = "runtime-c/include/stp/map_core.h";

export const SLEEP: PlantedBug = {
  name: "sleep",
  about: "user memory is read as if a body could sleep",
  file: MEMORY,
  from: "return !copy_from_user_nofault(",
  to: "return !copy_from_user(",
  expects: { kind: "atomic sleep", title: /^BUG: sleeping function called from invalid context/, frame: "change" },
};

export const OUT_OF_BOUNDS: PlantedBug = {
  name: "out-of-bounds",
  about: "one reader more than there is room for",
  file: RELAY,
  from: "\tfor (cpu = 0; cpu < stp_session.config.cpus; cpu++) {\n\t\treaders[cpu].ring = ",
  to: "\tfor (cpu = 0; cpu <= stp_session.config.cpus; cpu++) {\n\t\treaders[cpu].ring = ",
  expects: { kind: "KASAN", title: /^BUG: KASAN: slab-out-of-bounds in \w+ \[stp_planted\]$/, frame: "change" },
};

export const USE_AFTER_FREE: PlantedBug = {
  name: "use-after-free",
  about: "a kprobe's misses are read after it is freed",
  file: KPROBE,
  from: "\tprobe->missed = attached->kprobe.nmissed;\n\tprobe->state = NULL;\n\tstp_free(attached);\n",
  to: "\tprobe->state = NULL;\n\tstp_free(attached);\n\tprobe->missed = attached->kprobe.nmissed;\n",
  expects: { kind: "KASAN", title: /^BUG: KASAN: (?:slab-)?use-after-free in detach \[stp_planted\]$/, frame: "change" },
};

export const LEAK: PlantedBug = {
  name: "leak",
  about: "readers are not freed",
  file: RELAY,
  from: "\tkfree(readers);\n",
  to: "",
  expects: { kind: "leak", title: /^kmemleak: \(size \d+\) of /, frame: RELAY },
};

/** Needs real nmis that print. The lock is held so briefly that no nmi comes meanwhile: the report must come before the hang. */
export const LOCK_IN_NMI: PlantedBug = {
  name: "lock-in-nmi",
  about: "waking the reader takes a lock",
  file: RELAY,
  from: "\tirq_work_queue(&readers[cpu].wake);\n",
  to: "\tstatic DEFINE_RAW_SPINLOCK(planted);\n\n\traw_spin_lock(&planted);\n\tirq_work_queue(&readers[cpu].wake);\n\traw_spin_unlock(&planted);\n",
  expects: { kind: "lockdep", title: /^WARNING: inconsistent lock state/, frame: "change" },
};

export const RACE: PlantedBug = {
  name: "race",
  about: "a map's lock is not taken",
  file: MAP_CORE,
  from: "\tif (stp_unlikely(stp_cmpxchg(&part->owner, 0, ctx->cpu->lock_id) != 0) && !stp_map_wait(part, ctx))\n\t\treturn false;\n",
  to: "",
  expects: { kind: "KCSAN", title: /^BUG: KCSAN: data-race in /, frame: "runtime-c/" },
};

const UNCHECKED = {
  about: "user memory is read without a check",
  file: MEMORY,
  from: "return !copy_from_user_nofault(to, (const void __user *)(unsigned long)address, size);",
  to: "return memcpy(to, (const void *)(unsigned long)address, size) != NULL;",
} as const;

/** What SMAP says on any kernel, and KASAN where it is. */
export const UNCHECKED_SMAP: PlantedBug = { ...UNCHECKED, name: "unchecked-smap", expects: { kind: "oops", title: /^BUG: unable to handle page fault in \w+/, frame: "change" } };
export const UNCHECKED_KASAN: PlantedBug = { ...UNCHECKED, name: "unchecked-kasan", expects: { kind: "KASAN", title: /^BUG: KASAN: user-memory-access in \w+/, frame: "change" } };

/** A copy of the module with the bug in it. */
export function plant(module: ModuleSource, { file, from, to }: Change): ModuleSource {
  const change = (sources: ModuleSource["sources"]): ModuleSource["sources"] => (file in sources ? { ...sources, [file]: changed(String(sources[file]), file, from, to) } : sources);
  if (!(file in module.sources)) throw new StpError(`Cannot plant a bug in ${file}: the module has no such file`);
  return { ...module, sources: change(module.sources), ...(module.library && { library: { ...module.library, sources: change(module.library.sources) } }) };
}

function changed(text: string, file: string, from: string, to: string): string {
  const places = text.split(from).length - 1;
  if (places !== 1) throw new StpError(`Cannot plant a bug in ${file}: what it replaces is there ${places} times, not once; adapt it`);
  return text.replace(from, () => to);
}

/** The places that a frame of its report may have: `file:line` of the lines that the change put there, or beginnings of paths. */
export function placesOf({ file, from, to, expects }: PlantedBug, original: string): string[] {
  if (expects.frame !== "change") return [`(${expects.frame}`];
  const first = original.slice(0, original.indexOf(from)).split("\n").length;
  return Array.from({ length: to.trimEnd().split("\n").length }, (_, i) => `(${file}:${first + i})`);
}
