import { expect, test } from "vitest";
import { findKernelReports } from "./console.ts";

/** First lines of reports, as kernels print them. */
const REPORTS = [
  "WARNING: CPU: 1 PID: 52 at init.c:7 warner_init+0x5/0x1000 [warner]",
  "WARNING: possible circular locking dependency detected",
  "WARNING: possible recursive locking detected",
  "WARNING: suspicious RCU usage",
  "WARNING: inconsistent lock state",
  "WARNING: bad unlock balance detected!",
  "BUG: kernel NULL pointer dereference, address: 0000000000000000",
  "BUG: unable to handle page fault for address: ffffc90000000000",
  "BUG: KASAN: slab-out-of-bounds in stp_map_add+0x40/0x80 [probe]",
  "BUG: KCSAN: data-race in stp_ring_reserve / stp_ring_read",
  "BUG: sleeping function called from invalid context at mm/slab.h:494",
  "BUG: scheduling while atomic: insmod/52/0x00000002",
  "BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 34s!",
  "kernel BUG at /probe.c:12!",
  "Oops: 0000 [#1] PREEMPT SMP PTI",
  "invalid opcode: 0000 [#1] PREEMPT SMP",
  "general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] PREEMPT SMP NOPTI",
  "divide error: 0000 [#1] PREEMPT SMP",
  "Kernel panic - not syncing: Fatal exception in interrupt",
  "UBSAN: array-index-out-of-bounds in map.c:40:7",
  "INFO: task rmmod:77 blocked for more than 120 seconds.",
  "INFO: trying to register non-static key.",
  "rcu: INFO: rcu_preempt self-detected stall on CPU",
  "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:",
  "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-... } 21 jiffies s: 97 root: 0x2/.",
  "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [insmod:52]",
  "watchdog: Watchdog detected hard LOCKUP on cpu 1",
  "NMI watchdog: Watchdog detected hard LOCKUP on cpu 1",
  "list_add corruption. prev->next should be next (ffff), but was 0.",
  "refcount_t: underflow; use-after-free.",
  "Out of memory: Killed process 60 (workload) total-vm:100kB",
  "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
  "stpd[60]: segfault at 0 ip 0000000000401000 sp 00007ffc0 error 6 in stpd",
];

/** What healthy guests print. */
const HARMLESS = [
  "mtrr: your CPUs had inconsistent fixed MTRR settings",
  "acpi PNP0A03:00: fail to add MMCONFIG information, can't access extended PCI configuration space under this bridge.",
  'Unstable clock detected, switching default tracing clock to "global"',
  "clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable because the skew is too large:",
  "Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible via Spectre v2 BHB attacks!",
  "perf: interrupt took too long (2501 > 2500), lowering kernel.perf_event_max_sample_rate to 79750",
  "probe: loading out-of-tree module taints kernel.",
  "probe: module verification failed: signature and/or required key missing - tainting kernel",
  "process '/bin/workload' started with executable stack",
  "WARNING: this is what a program called itself",
  "the word BUG: in the middle of a line",
  "reboot: Power down",
];

test.each(REPORTS)("findKernelReports sees: %s", (line) => {
  expect(findKernelReports(`[    1.000000] quiet\r\n[   12.345678] ${line}\r\n[   12.4] after\r\n`)).toEqual([line]);
});

test("findKernelReports sees a report behind a caller stamp", () => {
  expect(findKernelReports("[    1.000000][   T52] BUG: KASAN: x\n")).toEqual(["BUG: KASAN: x"]);
});

test.each(HARMLESS)("findKernelReports passes over: %s", (line) => {
  expect(findKernelReports(`[    1.000000] ${line}\r\n`)).toEqual([]);
});

test("findKernelReports of a flood tells ten and how many more", () => {
  const flood = Array.from({ length: 25 }, (_, i) => `[ 1.0] WARNING: CPU: 0 PID: ${i} at x.c:1\n`).join("");
  const reports = findKernelReports(flood + flood);
  expect(reports).toHaveLength(11);
  expect(reports[10]).toBe("and 15 more");
});
