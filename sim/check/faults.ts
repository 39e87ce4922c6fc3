/** Faults of loading: each allocation of init fails in turn. Siblings: bench.ts, check.ts */
import { ERRORS } from "../../spec/protocol.ts";
import type { Machine } from "../machine.ts";
import { restoreSnapshot, takeSnapshot } from "../snapshot.ts";
import { MemoryDetector } from "../watch/memory.ts";
import { CHECK_CPUS, CHECK_RING_BYTES } from "./bench.ts";
import type { CheckFailure } from "./rules.ts";

/** Allocations of one init, before it is said to take memory without end. */
const ALLOCATIONS_MAX = 100_000;

/** Loads, and unloads if that went well; a trap is what cpu.c makes of a free that is none. */
function load(machine: Machine, failing: number): { readonly error: number; readonly trap: boolean } {
  const { instance } = machine;
  let error = 0;
  try {
    instance.func("stp_sim_fail_alloc")(failing);
    error = Number(instance.func("stp_sim_init")(CHECK_CPUS, CHECK_RING_BYTES));
    if (error === 0) instance.func("stp_sim_fini")();
    return { error, trap: false };
  } catch (cause) {
    if (!(cause instanceof WebAssembly.RuntimeError)) throw cause;
    return { error, trap: true };
  }
}

export interface FaultResult {
  /** Allocations that failed, one in each load. */
  readonly allocations: number;
  readonly failures: readonly CheckFailure[];
}

/** On a machine on which nothing has begun; leaves it so. */
export function checkLoading(machine: Machine): FaultResult {
  const { instance } = machine;
  const before = takeSnapshot(machine);
  const failures: CheckFailure[] = [];
  let allocations = 0;
  for (let n = 1; n <= ALLOCATIONS_MAX; n++) {
    const { error, trap } = load(machine, n);
    const left = MemoryDetector.allocated(instance);
    restoreSnapshot(machine, before);
    const wrong = trap ? "frees what it may not" : left > 0 ? `left ${left} bytes behind` : error !== 0 && error !== -ERRORS.ENOMEM.code ? `answered ${error} and not ENOMEM` : undefined;
    if (wrong) failures.push({ rule: "memory", detail: error === 0 ? `unloading ${wrong}` : `loading, with its allocation ${n} failing, ${wrong}`, places: [], scenario: "load", schedule: "T0:*" });
    if (error === 0 || wrong) break;
    allocations++;
  }
  return { allocations, failures };
}
