/** The other peer: Debian's bpftrace, for hits of kprobes. It compiles its programs in the guest. Sibling: tree.ts, which unpacks it */
import { step } from "../steps.ts";
import { HIT_CALLS, type Body } from "./hits.ts";

export const BPFTRACE_PACKAGES = ["bpftrace"] as const;
export const BPFTRACE_PROGRAMS = ["usr/bin/bpftrace"] as const;

/** Pages of its buffer: all lines of a run fit. */
const PAGES = 2048;

/** Runs `body` while meter.c has it hit, and sends what bpftrace wrote. It takes its options from the environment, which a shell has. */
export function bpftraceSteps(seconds: number, { name }: Body): string[] {
  const command = `exec /usr/bin/bpftrace -o ${bpftraceOutput(name)} -c '/meter calls ${name} ${HIT_CALLS}' /${name}.bt`;
  return [step("run", `bpftrace_${name}`, seconds, "/bin/sh", "-c", `export BPFTRACE_PERF_RB_PAGES=${PAGES}; ${command}`), step("send", bpftraceOutput(name))];
}

/** Path in the guest. */
export function bpftraceOutput(name: string): string {
  return `/bpftrace-${name}`;
}
