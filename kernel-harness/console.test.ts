import { describe, expect, test } from "vitest";
import { endsTrust, kernelReports, testsOnConsole, type KernelReport } from "./console.ts";

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
  "WARNING: a.c:12 at foo+0x1/0x2 [m], CPU#1: insmod/52",
  "illegal operation: 0001 ilc:1 [#1] SMP",
  "fixpoint divide exception: 0009 ilc:2 [#1] SMP",
  "Oops: 0004 ilc:2 [#1] SMP",
  "Oops: general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] PREEMPT SMP",
  "Oops: Exception in kernel mode, sig: 4 [#1]",
  "Internal error: Oops: 0000000096000045 [#1] PREEMPT SMP",
  "Internal error: Oops - BUG: 00000000f2000800 [#1] SMP",
  "SError Interrupt on CPU1, code 0x00000000bf000002 -- SError",
  "Bad mode in Error handler detected on CPU1, code 0xbf000002 -- SError",
  "Unable to handle kernel pointer dereference in virtual kernel address space",
  "BUG kmalloc-64 (Tainted: G    B      OE     ): Poison overwritten",
  "BUG stp (Not tainted): Objects remaining in stp on __kmem_cache_shutdown()",
  "kmem_cache_destroy stp: Slab cache still has objects",
  "watchdog: CPU2: Watchdog detected hard LOCKUP on cpu 3",
  "BUG: Bad page state in process stpd  pfn:04ea1",
  "BUG: Bad rss-counter state mm:ffff888003c5e800 type:MM_ANONPAGES val:1",
  "BUG: non-zero pgtables_bytes on freeing mm: 4096",
  "BUG: spinlock bad magic on CPU#0, insmod/52",
  "Kernel BUG at begin+0x1/0x2 [stp_x] [verbose debug info unavailable]",
  "traps: workload[60] general protection fault ip:401000 sp:7ffc0 error:0 in workload[401000+a000]",
  "kworker/0:1: page allocation failure: order:9, mode:0xcc0(GFP_KERNEL)",
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
  "WARNING: at night all cats are grey",
  "WARNING: CPU: hot",
  "Internal error: in program",
  "BUG: this is what a program said",
  "kernel BUG of a program",
  "general protection fault explained: 0000",
  "program: page allocation failure: what it is",
  'Unknown kernel command line parameters "kasan_multi_shot", will be passed to user space.',
  "Failed to set sysctl parameter 'kernel.hung_task_timeout_secs=20': parameter not found",
];

test.each(REPORTS)("kernelReports sees: %s", (line) => {
  expect(kernelReports(`[    1.000000] quiet\r\n[   12.345678] ${line}\r\n`).map((report) => report.line)).toEqual([line]);
  expect(kernelReports(`[    1.000000][   T52] ${line}\n`).map((report) => report.line)).toEqual([line]);
});

test.each(HARMLESS)("kernelReports passes over: %s", (line) => {
  expect(kernelReports(`[    1.000000] ${line}\r\n`)).toEqual([]);
});

/** Lines as a console has them. */
function printed(lines: readonly string[], caller?: string): string {
  return lines.map((line, i) => `[   12.${100000 + i}]${caller === undefined ? "" : `[${caller.padStart(5)}]`} ${line}\r\n`).join("");
}

function only(console: string): KernelReport {
  const reports = kernelReports(console);
  expect(reports.map(({ title }) => title)).toHaveLength(1);
  return reports[0]!;
}

const FENCE = "=".repeat(66);
const SCISSORS = "------------[ cut here ]------------";
const TRACE_END = "---[ end trace 0000000000000000 ]---";

const kasan = (offset: string, pid: number, module = "stp_x"): string[] => [
  FENCE,
  `BUG: KASAN: slab-out-of-bounds in begin_relay+0x${offset}/0x560 [${module}]`,
  `Write of size 8 at addr ffff88800${offset}8 by task stpd/${pid}`,
  "",
  `CPU: ${pid % 2} PID: ${pid} Comm: stpd Tainted: G           O       6.1.192 #1`,
  "Call Trace:",
  " <TASK>",
  ` begin_relay+0x${offset}/0x560 [${module}]`,
  " </TASK>",
  "",
  "The buggy address belongs to the object at ffff888003c5e800",
  FENCE,
];

const warning = (cpu: number, pid: number, message?: string): string[] => [
  SCISSORS,
  ...(message === undefined ? [] : [message]),
  `WARNING: CPU: ${cpu} PID: ${pid} at warner.c:4 begin+0x5/0x1000 [warner]`,
  "Modules linked in: warner(O)",
  `CPU: ${cpu} PID: ${pid} Comm: insmod`,
  "RIP: 0010:begin+0x5/0x1000 [warner]",
  "Call Trace:",
  " <TASK>",
  " do_one_initcall+0x55/0x220",
  " </TASK>",
  TRACE_END,
];

const OOPS = [
  "BUG: unable to handle page fault for address: 00007ffdbd0ac200",
  "#PF: supervisor read access in kernel mode",
  "Oops: 0001 [#1] PREEMPT SMP NOPTI",
  "CPU: 1 PID: 92 Comm: stpd Tainted: G           OE      6.1.0-56-cloud-amd64 #1",
  "RIP: 0010:memcpy_erms+0x6/0x10",
  "Call Trace:",
  " <TASK>",
  " copy+0xb/0x30 [stp_x]",
  " ? do_sys_openat2+0x1/0x170",
  "RIP: 0033:0x4567cf",
  " </TASK>",
  "CR2: 00007ffdbd0ac200",
  TRACE_END,
];

const INCONSISTENT = [
  "================================",
  "WARNING: inconsistent lock state",
  "6.1.192 #1 Tainted: G           O",
  "--------------------------------",
  "inconsistent {INITIAL USE} -> {IN-NMI} usage.",
  "lines/92 [HC1[1]:SC0[0]:HE0:SE1] takes:",
  "ffffffffc02a5d18 (planted){....}-{2:2}, at: wake_of_relay+0x33/0x90 [stp_x]",
  "",
  "stack backtrace:",
  "Call Trace:",
  " <NMI>",
  " wake_of_relay+0x33/0x90 [stp_x]",
  " </NMI>",
  " <TASK>",
  " ksys_lseek+0x1/0x2",
  " </TASK>",
];

/** On s390x, which writes frames as nobody else does. */
const S390_OOPS = (name: string): string[] => [
  "Unable to handle kernel pointer dereference in virtual kernel address space",
  "Failing address: 0000000000000000 TEID: 0000000000000483",
  "Oops: 0004 ilc:2 [#1] SMP ",
  "CPU: 0 PID: 60 Comm: insmod Tainted: G           OE      6.1.0-35-s390x #1",
  "Krnl PSW : 0704c00180000000 0000000000bc2022 (strlen+0x22/0x40)",
  "Call Trace:",
  ` [<000003ff800c2022>] ${name}+0x22/0x40 [stp_x] `,
  "([<000003ff800c2010>] stp_call+0x10/0x40 [stp_x])",
  "Last Breaking-Event-Address:",
  " [<000003ff800c2000>] begin+0x0/0x40 [stp_x]",
  TRACE_END,
];
const SLUB = ["=".repeat(77), "BUG kmalloc-64 (Tainted: G    B      OE     ): Poison overwritten", "-".repeat(77), "", "CPU: 1 PID: 7 Comm: stpd", "Call Trace:", " <TASK>", " begin+0x1/0x2 [stp_x]", " </TASK>"];
const BAD_PAGE = (pfn: string): string[] => [`BUG: Bad page state in process stpd  pfn:${pfn}`, "page:000000001 refcount:-1", "Call Trace:", " <TASK>", " begin+0x1/0x2 [stp_x]", " </TASK>"];
/** The newer form. */
const WARNING_AT = (place: string): string[] => [SCISSORS, `WARNING: ${place} at foo+0x1/0x2 [m], CPU#1: insmod/52`, "Modules linked in: m", "Call Trace:", " <TASK>", " begin+0x1/0x2 [stp_x]", " </TASK>", TRACE_END];

describe("kernelReports", () => {
  test.each([
    ["KASAN", "BUG: KASAN: slab-out-of-bounds in begin_relay [stp_x]", kasan("12", 7)],
    ["warning", "WARNING: at warner.c:4 begin [warner]", warning(1, 52)],
    ["warning", "WARNING: at warner.c:4 begin [warner]: refcount_t: underflow; use-after-free.", warning(0, 52, "refcount_t: underflow; use-after-free.")],
    ["lockdep", "WARNING: at warner.c:4 begin [warner]: DEBUG_LOCKS_WARN_ON(N)", warning(0, 52, "DEBUG_LOCKS_WARN_ON(1)")],
    ["oops", "BUG: unable to handle page fault in memcpy_erms from copy [stp_x]", OOPS],
    ["lockdep", "WARNING: inconsistent lock state in wake_of_relay [stp_x]", INCONSISTENT],
    ["BUG", "kernel BUG at probe.c:12! in begin [stp_x]", [SCISSORS, "kernel BUG at probe.c:12!", "invalid opcode: 0000 [#1] PREEMPT SMP", "RIP: 0010:begin+0x1/0x2 [stp_x]", TRACE_END]],
    ["BUG", "kernel BUG at lib/list_debug.c:26!: list_add corruption. prev->next should be next (ADDRESS), but was ADDRESS. (prev=ADDRESS).", [
      "list_add corruption. prev->next should be next (ffff888003c5e800), but was ffff888003c5e808. (prev=ffff888003c5e810).", SCISSORS, "kernel BUG at lib/list_debug.c:26!", "invalid opcode: 0000 [#1] SMP", TRACE_END,
    ]],
    ["stall", "rcu: INFO: rcu_preempt self-detected stall on CPU in spin [stp_x]", ["rcu: INFO: rcu_preempt self-detected stall on CPU", "rcu: \t0-....: (5250 ticks this GP)", "Call Trace:", " <TASK>", " spin+0x1/0x2 [stp_x]", " </TASK>"]],
    ["stall", "watchdog: BUG: soft lockup - CPU stuck for long! [insmod] in spin [stp_x]", ["watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [insmod:52]", "RIP: 0010:spin+0x1/0x2 [stp_x]", "Call Trace:", " <TASK>", " </TASK>"]],
    ["atomic sleep", "BUG: sleeping function called from invalid context at lib/usercopy.c:14 in copy [stp_x]", [
      "BUG: sleeping function called from invalid context at lib/usercopy.c:14", "INFO: lockdep is turned off.", "Call Trace:", " <TASK>", " copy+0x1/0x2 [stp_x]", " RIP: 0010:do_sys_openat2+0x1/0x250", " </TASK>",
    ]],
    ["oops", "general protection fault, probably for non-canonical address in begin [stp_x]", ["general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] PREEMPT SMP NOPTI", "RIP: 0010:begin+0x1/0x2 [stp_x]", TRACE_END]],
    ["oops", "divide error in begin [stp_x]", ["divide error: 0000 [#1] PREEMPT SMP", "RIP: 0010:begin+0x1/0x2 [stp_x]", TRACE_END]],
    ["stall", "BUG: workqueue lockup - pool cpus=N node=0 flags=ADDRESS nice=0 stuck for long!", ["BUG: workqueue lockup - pool cpus=0-1 node=0 flags=0x0 nice=0 stuck for 34s!"]],
    ["stall", "watchdog: Watchdog detected hard LOCKUP on cpu N", ["watchdog: Watchdog detected hard LOCKUP on cpu 1"]],
    ["leak", "kmemleak: new suspected memory leaks (see /sys/kernel/debug/kmemleak)", ["kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)"]],
    ["hung task", "INFO: task rmmod blocked for long. in wait [stp_x]", ["INFO: task rmmod:77 blocked for more than 20 seconds.", "Call Trace:", " <TASK>", " schedule+0x1/0x2", " wait+0x1/0x2 [stp_x]", " </TASK>"]],
    ["atomic sleep", "BUG: scheduling while atomic: insmod in begin [stp_x]", ["BUG: scheduling while atomic: insmod/52/0x00000002", "Call Trace:", " <TASK>", " begin+0x1/0x2 [stp_x]", " </TASK>"]],
    ["UBSAN", "UBSAN: array-index-out-of-bounds in map.c:40:7", ["=".repeat(80), "UBSAN: array-index-out-of-bounds in map.c:40:7", "index 4 is out of range for type 'int [4]'", "Call Trace:", " <TASK>", " </TASK>", "=".repeat(80)]],
    ["KCSAN", "BUG: KCSAN: data-race in stp_ring_reserve [stp_x] / stp_ring_read [stp_x]", [FENCE, "BUG: KCSAN: data-race in stp_ring_reserve [stp_x] / stp_ring_read [stp_x]", "", "write to 0xffff8880 of 8 bytes by task 7 on cpu 1:", " stp_ring_reserve+0x1/0x2 [stp_x]", FENCE]],
    ["panic", "Kernel panic - not syncing: on purpose in begin [stp_x]", ["Kernel panic - not syncing: on purpose", "CPU: 0 PID: 7 Comm: insmod", "Call Trace:", " <TASK>", " begin+0x1/0x2 [stp_x]", " </TASK>", "---[ end Kernel panic - not syncing: on purpose ]---"]],
    ["fault of a program", "stpd: segfault in stpd", ["stpd[60]: segfault at 0 ip 0000000000401000 sp 00007ffc0 error 6 in stpd[401000+a000]"]],
    ["oops", "Unable to handle kernel pointer dereference in virtual kernel address space in strlen from begin [stp_x]", S390_OOPS("begin")],
    ["oops", "illegal operation in strlen from begin [stp_x]", ["illegal operation: 0001 ilc:1 [#1] SMP ", ...S390_OOPS("begin").slice(3)]],
    ["oops", "Internal error: Oops in begin [stp_x]", ["Internal error: Oops: 0000000096000045 [#2] PREEMPT SMP", "pc : begin+0x1/0x2 [stp_x]", "Call trace:", " begin+0x1/0x2 [stp_x]", TRACE_END]],
    ["oops", "SError Interrupt on CPU in begin [stp_x]", ["SError Interrupt on CPU1, code 0x00000000bf000002 -- SError", "pc : begin+0x1/0x2 [stp_x]", "Kernel panic - not syncing: Asynchronous SError Interrupt", "Call trace:", " begin+0x1/0x2 [stp_x]", "---[ end Kernel panic - not syncing: Asynchronous SError Interrupt ]---"]],
    ["oops", "kernel tried to execute NX-protected page - exploit attempt? (uid: 0) in memcpy_erms from copy [stp_x]", ["kernel tried to execute NX-protected page - exploit attempt? (uid: 0)", ...OOPS]],
    ["atomic sleep", "BUG: sleeping function called from invalid context at mm/slab.h:494 in begin [stp_x]", ["BUG: sleeping function called from invalid context at mm/slab.h:494", "Call Trace:", " [<000003ff800c2022>] begin+0x22/0x40 [stp_x] ", "([<000003ff800c2010>] 0x3ff800c2010)"]],
    ["warning", "WARNING: a.c:12 at foo [m]", WARNING_AT("a.c:12")],
    ["warning", "WARNING: a.c:12 at foo [m]: late by N ms", [SCISSORS, "late by 17 ms", ...WARNING_AT("a.c:12").slice(1)]],
    ["warning", "something that nobody knows", [SCISSORS, "something that nobody knows", "and more", "CPU: 0 PID: 1", TRACE_END]],
    ["warning", "WARNING: at warner.c:4 begin [warner]: late by N ms", warning(0, 52, "late by 17 ms")],
    ["UBSAN", "UBSAN: array-index-out-of-bounds in map.c:40:7", [SCISSORS, "UBSAN: array-index-out-of-bounds in map.c:40:7", "index 4 is out of range for type 'int [4]'", "Call Trace:", " <TASK>", " </TASK>", TRACE_END]],
    ["BUG", "BUG kmalloc-64: Poison overwritten in begin [stp_x]", SLUB],
    ["BUG", "BUG: Bad page state in process stpd in begin [stp_x]", BAD_PAGE("04ea1")],
    ["BUG", "BUG: Bad rss-counter state type:MM_ANONPAGES", ["BUG: Bad rss-counter state mm:ffff888003c5e800 type:MM_ANONPAGES val:-1"]],
    ["BUG", "BUG: nobody knew of this one in begin [stp_x]", ["BUG: nobody knew of this one", "Call Trace:", " <TASK>", " begin+0x1/0x2 [stp_x]", " </TASK>"]],
    ["stall", "watchdog: Watchdog detected hard LOCKUP on cpu N", ["watchdog: CPU2: Watchdog detected hard LOCKUP on cpu 3"]],
    ["hung task", "INFO: task kworker blocked for long.", ["INFO: task kworker/0:1:77 blocked for more than 20 seconds.", "Call Trace:", " <TASK>", " </TASK>"]],
    ["fault of a program", "traps: workload general protection fault in workload", ["traps: workload[60] general protection fault ip:401000 sp:7ffc0 error:0 in workload[401000+a000]"]],
    ["out of memory", "Out of memory: Killed process (workload)", ["Out of memory: Killed process 60 (workload) total-vm:100kB, anon-rss:1kB"]],
  ] as const)("of one %s: %s", (kind, title, lines) => {
    const before = printed(["quiet"]);
    const report = only(before + printed(lines) + printed(["loud", "reboot: Power down"]));
    expect(report).toMatchObject({ kind, title, count: 1, test: undefined });
    if (lines.length > 1 || kind === "leak" || kind === "BUG" || kind === "fault of a program") expect(report.text).toBe(lines.map((line) => line.trimEnd()).join("\n"));
    expect(lines.map((line) => line.trim())).toContain(report.line.trim());
  });

  test.each([
    ["of another oops", ["Internal error: Oops: 0000000096000045 [#1] PREEMPT SMP", TRACE_END], ["Internal error: Oops: 96000004 [#2] SMP", TRACE_END]],
    ["of another kworker", ["BUG: scheduling while atomic: kworker/0:1/52/0x00000002"], ["BUG: scheduling while atomic: kworker/u4:2/9/0x00000003"]],
    ["of a kworker on another CPU", ["watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [kworker/0:1:52]"], ["watchdog: BUG: soft lockup - CPU#1 stuck for 45s! [kworker/1:2H:7]"]],
    ["of another page", BAD_PAGE("04ea1"), BAD_PAGE("7")],
    ["of another program's run", ["traps: workload[60] trap int3 ip:401000 sp:7ffc0 error:0"], ["traps: workload[7] trap int3 ip:501000 sp:7ff00 error:0"]],
    ["of another time", warning(0, 52, "late by 17 ms at 0xffff888003c5e800"), warning(1, 7, "late by 9 ms at 0x0")],
    ["of another CPU", ["SError Interrupt on CPU1, code 0x1 -- SError", TRACE_END], ["SError Interrupt on CPU0, code 0x2 -- SError", TRACE_END]],
  ])("is the same: that %s", (_name, one, two) => {
    expect(only(printed(one) + printed(two)).count).toBe(2);
  });

  test.each([
    ["warnings of the newer form", [...WARNING_AT("a.c:12"), ...WARNING_AT("b.c:7")]],
    ["warnings without an end", [SCISSORS, "one", "CPU: 0 PID: 1", SCISSORS, "two", "CPU: 0 PID: 1"]],
    ["warnings of which only the scissors came", [SCISSORS, "one", SCISSORS, "two"]],
    ["oopses on s390x", [...S390_OOPS("begin"), ...S390_OOPS("end")]],
    ["a bad page and an oops", [BAD_PAGE("1")[0]!, ...OOPS]],
    ["a bad counter and a page", ["BUG: Bad rss-counter state mm:ffff888003c5e800 type:MM_ANONPAGES val:1", "quiet", ...BAD_PAGE("1")]],
    ["an oops without an end, then a hung task", [...OOPS.slice(0, -1), "INFO: task rmmod:77 blocked for more than 20 seconds.", "Call Trace:", " <TASK>", " </TASK>"]],
    ["an oops without an end, then a stall", [...OOPS.slice(0, 5), "BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 34s!"]],
    ["a fault in an oops", [...OOPS.slice(0, 5), ...OOPS]],
    ["sanitizer reports, the first without an end", [...kasan("1", 2).slice(0, 4), ...kasan("1", 2, "stp_y")]],
    ["scissors, then a sanitizer's", [SCISSORS, "list is bad", ...kasan("1", 2)]],
    ["a warning that nobody knows, then a race", [SCISSORS, "one", "CPU: 0 PID: 1", "BUG: KCSAN: data-race in f / g"]],
    ["two oopses without an end", ["divide error: 0000 [#1] SMP", "divide error: 0000 [#2] SMP"]],
    ["a sanitizer's without an end, then an oops", [...kasan("1", 2).slice(0, 4), "divide error: 0000 [#1] SMP", TRACE_END]],
    ["a sanitizer's, then a warning", [...kasan("1", 2).slice(0, 4), ...warning(0, 52)]],
  ])("tells apart: %s", (_name, lines) => {
    const reports = kernelReports(printed(lines));
    // Of a fault in an oops both have one title.
    expect(reports.reduce((sum, { count }) => sum + count, 0)).toBe(2);
    expect(reports.map(({ title }) => title).join("\n")).not.toContain("cut here");
  });

  test("ends what is open at the mark of a test", () => {
    const reports = kernelReports(printed(["stp-test: one", ...OOPS.slice(0, 5), "stp-test: two", "quiet", ...kasan("1", 2)]));
    expect(reports.map(({ kind, test, text }) => [kind, test, text.split("\n").length])).toEqual([["oops", "one", 5], ["KASAN", "two", 12]]);
    expect(kernelReports(printed(["stp-test: one", SCISSORS, "stp-test: two", "BUG: KCSAN: data-race in f / g"])).map(({ test }) => test)).toEqual(["one", "two"]);
  });

  test("keeps what the unwinder says of itself in the report", () => {
    const lines = [...OOPS.slice(0, 7), "WARNING: kernel stack regs at (ptrval) in stpd:7 has bad 'bp' value (ptrval)", ...OOPS.slice(7)];
    expect(only(printed(lines)).text).toBe(lines.join("\n"));
  });

  test("counts a bug that comes again at other addresses, in other tasks, on another CPU", () => {
    const report = only(printed(kasan("12", 7)) + printed(["between"]) + printed(kasan("4e", 118)));
    expect(report.count).toBe(2);
    expect(report.text).toContain("begin_relay+0x12/0x560");
    expect(kernelReports(printed(kasan("12", 7)) + printed(kasan("12", 7, "stp_y")))).toHaveLength(2);
  });

  test("tells of each test in which a bug came", () => {
    const console = ["one", "two"].map((name) => printed([`stp-test: ${name}`, ...kasan("12", 7), ...kasan("4e", 8)])).join("");
    expect(kernelReports(console).map(({ test, count }) => [test, count])).toEqual([["one", 2], ["two", 2]]);
  });

  test("puts together what each CPU printed, if the kernel says who prints", () => {
    const [a, b] = [kasan("12", 7), warning(1, 52)];
    const mixed = a.map((line, i) => printed([line], "T7") + (b[i] === undefined ? "" : printed([b[i]!], "C1"))).join("");
    expect(kernelReports(mixed).map(({ kind, text }) => [kind, text])).toEqual([["warning", b.join("\n")], ["KASAN", a.join("\n")]]);
  });

  test("attaches a report to the test in which it began", () => {
    const console = [printed(["stp-test: one"]), printed(warning(0, 1).slice(0, 3)), printed(["stp-test:"], "T1"), printed(warning(0, 1).slice(3)), printed(["stp-test: two words"]), printed(OOPS), printed(["stp-test:"]), printed(kasan("1", 2))].join("");
    const reports = kernelReports(console);
    expect(reports.map(({ kind, test }) => [kind, test])).toEqual([["warning", "one"], ["oops", "two words"], ["KASAN", undefined]]);
    expect(reports[0]!.text).toBe(warning(0, 1).join("\n"));
  });

  test("does not know in which test something came after lines that were left out", () => {
    const begun = kasan("1", 2).slice(0, 4);
    expect(only(`${printed(["stp-test: one", ...begun])}[700000 bytes left out]\n${printed(["after"])}`)).toMatchObject({ test: "one", text: begun.join("\n") });
    expect(kernelReports(`${printed(["stp-test: one"])}\n[700000 bytes left out]\n${printed(OOPS)}`).map(({ test }) => test)).toEqual([undefined]);
  });

  test("takes the panic that an oops ends with for a part of it", () => {
    const report = only(printed([...OOPS, "note: stpd[92] exited with irqs disabled", "Kernel panic - not syncing: Fatal exception in interrupt"]));
    expect(report.kind).toBe("oops");
    expect(report.text).toMatch(/Fatal exception in interrupt$/);
  });

  test("gives a stall the backtraces of the CPUs that it asked", () => {
    const asked = ["NMI backtrace for cpu 1", "CPU: 1 PID: 9 Comm: lines", "Call Trace:", " <TASK>", " spin+0x1/0x2 [stp_x]", " </TASK>"];
    const report = only(printed(["rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", "rcu: \t1-...0: (1 GPs behind)"], "C0") + printed(asked, "C1"));
    expect(report.text).toContain(asked.join("\n"));
    expect(report.title).toBe("rcu: INFO: rcu_preempt detected stalls on CPUs in spin [stp_x]");
  });

  test("ends at the next report what never came to its end", () => {
    expect(kernelReports(printed(["BUG: sleeping function called from invalid context at mm/slab.h:494", ...kasan("1", 2)])).map(({ kind, text }) => [kind, text.split("\n").length])).toEqual([["atomic sleep", 1], ["KASAN", 12]]);
  });

  test("ends where calls end on architectures that do not mark it", () => {
    const calls = ["BUG: sleeping function called from invalid context at mm/slab.h:494", "Call trace:", " dump_backtrace+0x1/0x2", " begin+0x1/0x2 [stp_x]"];
    expect(only(printed([...calls, "stp_x: loaded"])).text).toBe(calls.join("\n"));
  });

  test("keeps 200 lines of a report, and 100 titles", () => {
    const endless = ["BUG: KASAN: x in f+0x1/0x2", ...Array.from({ length: 500 }, (_, i) => `line ${i}`)];
    expect(only(printed([FENCE, ...endless])).text.split("\n")).toHaveLength(200);
    expect(kernelReports(Array.from({ length: 300 }, (_, i) => printed(kasan("1", 2, `stp_${i}`))).join(""))).toHaveLength(100);
  });
});

test.each([["lockdep", INCONSISTENT, true], ["KASAN", kasan("1", 2), true], ["oops", OOPS, true], ["BUG", SLUB, true], ["panic", ["Kernel panic - not syncing: on purpose"], true], ["warning", warning(0, 1), false], ["KCSAN", ["BUG: KCSAN: data-race in f / g"], false]] as const)("endsTrust of one %s", (kind, lines, ends) => {
  const report = only(printed(lines));
  expect([report.kind, endsTrust(report)]).toEqual([kind, ends]);
});

test("testsOnConsole gives the tests whose marks are there", () => {
  expect([...testsOnConsole(printed(["stp-test: one", "quiet", "says stp-test: three"]) + printed(["stp-test: two"], "T1"))]).toEqual(["one", "two"]);
});
