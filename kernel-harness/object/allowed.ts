/**
 * The kernel's functions that probe context may call, each with the reason why that is safe anywhere: in a task, softirq, irq
 * and nmi, whatever the kernel holds just then.
 *
 * None may sleep, take a lock, allocate or fault for good. An entry that no probe reaches is a failure.
 */

export interface Allowed {
  readonly why: string;
  /** It never comes back: what follows the call is not reached by it. */
  readonly noreturn?: true;
}

export const ALLOWED: Readonly<Record<string, Allowed>> = {
  // Memory and text: no state but their arguments.
  memcpy: { why: "pure; both sides are ours, or memory that the caller vouches for" },
  memset: { why: "pure" },
  memcmp: { why: "pure" },
  strnlen: { why: "pure, bounded by its second argument" },

  // Memory that may not be there.
  copy_from_kernel_nofault: { why: "turns page faults off and answers an error for one; made for tracers" },
  copy_from_user_nofault: { why: "the same for user memory; on x86 it refuses if an nmi has interrupted a change of address space" },

  // Time and who runs.
  ktime_get_mono_fast_ns: { why: "the clock that the kernel offers to nmi: a latch, no lock" },
  from_kuid: { why: "reads the extents of init_user_ns, which never change; no lock" },

  ktime_get_real_fast_ns: { why: "the same for wall time" },

  // Only in the interrupt of a timer of ours, never in nmi.
  hrtimer_forward: { why: "sets the next time of a timer whose own handler runs: it is in no queue then, so there is no lock" },
  ktime_get: { why: "reads again if a CPU is just setting the clock, which it does with interrupts off" },

  // Backtraces and names of addresses.
  __unwind_start: { why: "the kernel's unwinder, which it uses in nmi itself: no lock, reads only what lies within a stack" },
  unwind_next_frame: { why: "the same" },
  unwind_get_return_address: { why: "the same" },
  scnprintf: { why: "formats into our memory; %pS looks a symbol up in tables that only grow, those of modules with preemption off" },

  // To have something done later.
  irq_work_queue: { why: "made for nmi: a list without locks, and an interrupt to this CPU" },

  // Interrupts off and on. CONFIG_PARAVIRT: single instructions on bare metal and KVM, the flag of shared memory on Xen.
  "pv_ops+0xf0": { why: "pv_ops.irq.save_fl: reads the interrupt flag" },
  "pv_ops+0xf8": { why: "pv_ops.irq.irq_disable" },
  "pv_ops+0x100": { why: "pv_ops.irq.irq_enable: only if they were on before, which they never are in nmi" },

  // CONFIG_PREEMPT_DYNAMIC: the end of preempt_enable_notrace().
  __SCT__preempt_schedule_notrace: {
    why: "called only if the count of preemption drops to 0: never in irq, nmi, a kprobe or a hit, only behind one that came where the kernel may be preempted anyway",
  },

  // The ends of a kernel that is broken already.
  __stack_chk_fail: { why: "panics: a stack was overwritten", noreturn: true },
  fortify_panic: { why: "panics: strnlen() over the end of an object of known size; our limits are those sizes", noreturn: true },
};
