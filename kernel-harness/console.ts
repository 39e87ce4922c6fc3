/** What the kernel's console says went wrong. Pure: text in, findings out. */

/** Most findings that are told one by one. */
const FINDINGS_MAX = 10;

/** `[    1.234567] ` and, with CONFIG_PRINTK_CALLER, `[    T1] `. Serial drivers end lines with \r\n. */
const STAMP = /^\s*\[\s*\d+\.\d+\]\s*(?:\[\s*[TC]\d+\]\s*)?/;

/**
 * Beginnings of the reports that the kernel makes about itself.
 *
 * Anchored behind the time stamp: a text that merely mentions a BUG is none.
 */
const REPORTS: readonly RegExp[] = [
  /^WARNING: (?:CPU: \d+|possible |suspicious |inconsistent |bad unlock|nested lock|held lock|lock held|kernel stack|stack |can't|at |.*still (?:has|in))/,
  /^(?:watchdog: )?BUG: /,
  /^kernel BUG at /,
  /^kernel tried to execute /,
  /^(?:Oops|general protection fault|double fault|invalid opcode|divide error|stack segment|int3|alignment check|kernel stack overflow)\b.*(?:\[#\d+\]|: [0-9a-f]{4})/,
  /^Kernel panic - /,
  /^Unable to handle kernel /,
  /^Internal error: /,
  /^UBSAN: /,
  /^KFENCE: |^kmemleak: \d+ new /,
  /^INFO: task .* blocked for more than /,
  /^INFO: (?:lockdep is turned off|trying to register non-static key|possible |rcu_\w+ )/,
  /^rcu: INFO: rcu_\w+ .*(?:stall|expedited stalls)/,
  /^(?:NMI )?watchdog: Watchdog detected hard LOCKUP/,
  /^(?:list_add|list_del) (?:corruption|double)/,
  /^refcount_t: /,
  /^DEBUG_LOCKS_WARN_ON/,
  /^Out of memory: |^Memory cgroup out of memory: |.*: page allocation failure: /,
  /^=+\[ cut here \]/,
  /^traps: .* (?:general protection|trap |int3|divide error)/,
  /^\S+\[\d+\]: segfault at /,
];

/** Lines of the console that report a fault, without their time stamps; each once, at most a few. */
export function findKernelReports(console: string): string[] {
  const lines = console.split(/\r?\n/).map((line) => line.replace(STAMP, "").trim());
  const reports = [...new Set(lines.filter((line) => REPORTS.some((report) => report.test(line))))];
  const rest = reports.length - FINDINGS_MAX;
  return rest > 0 ? [...reports.slice(0, FINDINGS_MAX), `and ${rest} more`] : reports;
}
