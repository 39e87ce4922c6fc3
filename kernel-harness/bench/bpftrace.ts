/** The other peer: Debian's bpftrace, for hits of kprobes. It compiles its programs in the guest. Sibling: tree.ts, which unpacks it */
import { step } from "../steps.ts";
import type { Body } from "./hits.ts";

export const BPFTRACE_PACKAGES = ["bpftrace"] as const;
export const BPFTRACE_PROGRAMS = ["usr/bin/bpftrace"] as const;

/** Runs a body while meter.c has it hit, and sends what bpftrace wrote. */
export function bpftraceSteps(seconds: number, { name, calls }: Body): string[] {
  const output = bpftraceOutput(name);
  return [step("run", `bpftrace_${name}`, seconds, "/usr/bin/bpftrace", "-o", output, "-c", `/meter calls ${name} ${calls}`, `/${name}.bt`), step("send", output)];
}

/** Path in the guest. */
export function bpftraceOutput(name: string): string {
  return `/bpftrace-${name}`;
}
