/** The reading of objects, on small ones: no kernel and no compiler. Sibling: object.guest.test.ts, on the real module. */
import { describe, expect, test } from "vitest";
import { analyseObject, STACK_BYTES_MAX, type ObjectReport, type Tables } from "./analyse.ts";
import { declaredCalls, shownName } from "./calls.ts";
import { parseDisassembly } from "./disassembly.ts";
import { objectOf } from "./fixture.ts";

const NONE: Tables = { calls: { functions: ["stp_call"], inlined: [] }, allowed: {}, indirect: [], notFromProbes: {}, taskHits: {} };
const RETURN = "jmp __x86_return_thunk";

function analyse(bodies: Readonly<Record<string, readonly string[]>>, tables: Partial<Tables> = {}): ObjectReport {
  return analyseObject(parseDisassembly(objectOf(bodies)), { ...NONE, ...tables });
}

/** Bytes of stp_call, of an object without fault. */
function bytesOf(bodies: Readonly<Record<string, readonly string[]>>, tables: Partial<Tables> = {}): number {
  const report = analyse(bodies, tables);
  expect(report.problems).toEqual([]);
  return report.calls.find((call) => call.name === "stp_call")!.stack_bytes;
}

describe("what objdump prints", () => {
  const TEXT = [
    "",
    "Disassembly of section .text:",
    "",
    "0000000000000000 <stp_call>:",
    "       0:\tpush   %rbx",
    "       1:\tcall   *0x0(%rip)        # 7 <stp_call+0x7>\t3: R_X86_64_PC32\tpv_ops+0xfc",
    "       7:\tmov    $0x0,%rdi\ta: R_X86_64_32S\t.rodata+0x78",
    "       e:\tcs call 14 <stp_call+0x14>\t10: R_X86_64_PLT32\t__x86_indirect_thunk_r12-0x4",
    "      14:\tlock xadd %eax,(%rbx)",
    "      18:\tjne    1e <stp_call+0x1e>\t1a: R_X86_64_PC32\t.text.unlikely+0x8",
    "      1e:\tcall   30 <here>",
    "      23:\tpop    %rbx",
    "      24:\tjmp    29 <stp_call+0x29>\t25: R_X86_64_PLT32\t__x86_return_thunk-0x4",
    "      29:\tdata16 cs nopw 0x0(%rax,%rax,1)",
    "",
    "Disassembly of section .altinstr_replacement:",
    "",
    "0000000000000000 <.altinstr_replacement>:",
    "   0:\tpushf",
    "",
  ].join("\n");

  test("calls and jumps have their targets, prefixes are left out", () => {
    const [code, ...others] = parseDisassembly(TEXT);
    expect(others).toEqual([]);
    expect(code!.instructions.map(({ mnemonic, target }) => [mnemonic, target && ("address" in target ? target.address : target.symbol)])).toEqual([
      ["push", undefined],
      ["call", "pv_ops+0x100"],
      ["mov", undefined],
      ["call", "__x86_indirect_thunk_r12"],
      ["xadd", undefined],
      ["jne", ".text.unlikely+0xc"],
      ["call", ".text+0x30"],
      ["pop", undefined],
      ["jmp", "__x86_return_thunk"],
      ["nopw", undefined],
    ]);
  });

  test("without a function it is refused", () => expect(() => parseDisassembly("stp.ko: file format elf64-x86-64\n")).toThrow(/no functions/));
});

describe("the stack of a call", () => {
  test("has the frames and return addresses of the deepest way", () => {
    const bodies = {
      stp_call: ["push %rbx", "sub $0x20,%rsp", "call shallow", "call deep", "add $0x20,%rsp", "pop %rbx", RETURN],
      shallow: ["sub $0x8,%rsp", "add $0x8,%rsp", "ret"],
      deep: ["sub $0x48,%rsp", "add $0x48,%rsp", "ret"],
    };
    expect(bytesOf(bodies)).toBe(8 + 8 + 0x20 + 8 + 0x48);
    expect(analyse(bodies).calls[0]).toEqual({ name: "stp_call", stack_bytes: 128, path: [{ name: "stp_call", bytes: 48 }, { name: "deep", bytes: 80 }] });
  });

  test("counts a tail call without a return address, in place of the caller's frame", () => {
    expect(bytesOf({ stp_call: ["sub $0x18,%rsp", "add $0x18,%rsp", "jmp next"], next: ["sub $0x40,%rsp", "add $0x40,%rsp", "ret"] })).toBe(8 + 0x40);
  });

  test("goes on in the function's .cold part, with the frame that is there", () => {
    const bodies = {
      stp_call: ["sub $0x18,%rsp", "jne stp_call.cold", "add $0x18,%rsp", "ret"],
      other: ["ret"],
      deep: ["sub $0x28,%rsp", "add $0x28,%rsp", "ret"],
      "other.cold": ["ud2"],
      "stp_call.cold": ["push %rbx", "call deep", "pop %rbx", "add $0x18,%rsp", "ret"],
    };
    expect(bytesOf(bodies)).toBe(8 + 0x18 + 8 + 8 + 0x28);
  });

  test("has what an alignment may take, and comes back by the frame pointer", () => {
    expect(bytesOf({ stp_call: ["push %rbp", "mov %rsp,%rbp", "push %rbx", "and $0xffffffffffffffe0,%rsp", "sub $0x40,%rsp", "lea -0x8(%rbp),%rsp", "pop %rbx", "pop %rbp", "ret"] })).toBe(8 + 16 + 24 + 0x40);
    expect(bytesOf({ stp_call: ["push %rbp", "mov %rsp,%rbp", "add $0xffffffffffffff80,%rsp", "leave", "ret"] })).toBe(8 + 8 + 128);
  });

  test("of a function of the kernel is its return address", () => {
    expect(bytesOf({ stp_call: ["sub $0x10,%rsp", "call memcpy", "add $0x10,%rsp", "ret"] }, { allowed: { memcpy: { why: "pure" } } })).toBe(8 + 0x10 + 8);
  });

  test("ends where a function does not come back", () => {
    const panics = { stp_call: ["jne @2", "ret", "call panic"] };
    expect(analyse(panics, { allowed: { panic: { why: "ends", noreturn: true } } }).problems).toEqual([]);
    expect(analyse(panics, { allowed: { panic: { why: "ends" } } }).problems).toEqual(["stp_call: at .text+0x10, the code runs past the end of the function"]);
  });
});

describe("the object is refused for", () => {
  const fails = (bodies: Readonly<Record<string, readonly string[]>>, tables: Partial<Tables> = {}): readonly string[] => analyse(bodies, tables).problems;

  test("a stack that is too deep, with the way there", () => {
    const bodies = { stp_call: ["call deep", "ret"], deep: ["sub $0x1f0,%rsp", "add $0x1f0,%rsp", "ret"] };
    expect(bytesOf(bodies)).toBe(STACK_BYTES_MAX);
    expect(fails({ ...bodies, deep: ["sub $0x1f8,%rsp", "add $0x1f8,%rsp", "ret"] })).toEqual(["stp_call: it takes 520 bytes of stack, more than 512: stp_call 8 > deep 512"]);
  });

  test("a stack that is not constant", () => {
    expect(fails({ stp_call: ["sub %rax,%rsp", "ret"] })).toEqual(['stp_call: at .text+0x0, "sub %rax,%rsp" changes the stack pointer by what is not known']);
    expect(fails({ stp_call: ["push %rbp", "mov %rsp,%rbp", "mov $0x1,%ebp", "mov %rbp,%rsp", "ret"] })[0]).toMatch(/"mov %rbp,%rsp" changes/);
    expect(fails({ stp_call: ["jne @2", "push %rbx", "ret"] })[0]).toMatch(/the stack is (8 or 0|0 or 8) bytes deep, depending on the way/);
    expect(fails({ stp_call: ["push %rbx", "ret"] })).toEqual(["stp_call: at .text+0x8, it returns with 8 bytes left on the stack"]);
  });

  test("code that it cannot follow", () => {
    expect(fails({ stp_call: ["ret", "call memcpy", "ret"] })).toEqual(["stp_call: at .text+0x8, no way leads to the code"]);
    expect(fails({ stp_call: ["jmp @3"], other: ["nop", "nop", "ret"] })[0]).toMatch(/into the middle of another function/);
    expect(fails({ stp_call: ["push %rbx"] })[0]).toMatch(/past the end of the function/);
  });

  test("a call through a pointer that nobody has named", () => {
    const sentence = ["stp_call: it calls through a pointer, and indirect.ts does not say what that may be"];
    expect(fails({ stp_call: ["call __x86_indirect_thunk_rax", "ret"] })).toEqual(sentence);
    expect(fails({ stp_call: ["jmp __x86_indirect_thunk_rax"] })).toEqual(sentence);
    expect(fails({ stp_call: ["call *%rax", "ret"] })).toEqual(sentence);
    expect(fails({ stp_call: ["jmp *0x0(,%rax,8)"] })).toEqual(sentence);
  });

  test("a table of such calls that does not match it", () => {
    const bodies = { stp_call: ["call __x86_indirect_thunk_rax", "ret"], deep: ["sub $0x48,%rsp", "add $0x48,%rsp", "ret"] };
    const entry = { caller: "stp_call", count: 1, targets: ["deep"], why: "" };
    expect(bytesOf(bodies, { indirect: [entry] })).toBe(8 + 8 + 0x48);
    expect(bytesOf({ ...bodies, stp_probe_0_body: ["ret"] }, { indirect: [{ ...entry, targets: "program" }] })).toBe(8 + 8);
    expect(fails(bodies, { indirect: [entry, { ...entry, caller: "gone" }] })).toEqual(["indirect.ts: gone is not in the object; take the entry out"]);
    expect(fails(bodies, { indirect: [{ ...entry, count: 2 }] })).toEqual(["indirect.ts: stp_call has 1 calls through a pointer and not 2; look at them and at the entry"]);
    expect(fails(bodies, { indirect: [{ ...entry, targets: ["deep", "gone"] }] })[0]).toMatch(/gone, which stp_call may call, is not in the object/);
  });

  test("recursion", () => {
    expect(fails({ stp_call: ["call a", "ret"], a: ["call b", "ret"], b: ["call a", "ret"] })).toEqual(["recursion: a calls b calls a"]);
    expect(fails({ stp_call: ["call stp_call", "ret"] })).toEqual(["recursion: stp_call calls stp_call"]);
  });

  test("a function of the kernel that is not allowed, with the way there", () => {
    const bodies = { stp_call: ["call a", "ret"], a: ["jmp schedule"] };
    expect(fails(bodies)).toEqual(["schedule: a probe reaches it, and allowed.ts does not have it: stp_call > a > schedule"]);
    expect(fails({ stp_call: ["call *0x0(%rip)        # 8 <here>\t4: R_X86_64_PC32\tpv_ops+0xfc", "ret"] })[0]).toMatch(/^pv_ops\+0x100: a probe reaches it/);
    expect(analyse(bodies).kernel_functions).toEqual([{ name: "schedule", reached_from: ["a"], allowed: false }]);
    expect(fails(bodies, { allowed: { schedule: { why: "" }, memcpy: { why: "" } } })).toEqual(["allowed.ts: no probe reaches memcpy; take the entry out"]);
  });

  test("such a function in the handler of a provider, and in a probe's body", () => {
    const bodies = {
      stp_call: ["ret"],
      on_hit: ["call schedule", "jmp shared"],
      shared: ["jmp stp_probe_hit"],
      stp_probe_hit: ["call __x86_indirect_thunk_rax", "ret"],
      stp_probe_7_body: ["jmp msleep"],
      start: ["call kmalloc", "jmp stp_probe_hit"],
    };
    const indirect = [{ caller: "stp_probe_hit", count: 1, targets: "program", why: "" }] as const;
    const taskHits = { start: "task context" };
    const calls = { functions: ["stp_call", "stp_probe_hit"], inlined: [] };
    const report = analyse(bodies, { calls, indirect, taskHits });
    expect(report.problems.map((problem) => problem.split(":")[0])).toEqual(["msleep", "schedule"]);
    expect(report.calls.map((call) => call.name).sort()).toEqual(["on_hit", "shared", "stp_call", "stp_probe_hit"]);
    expect(fails({ ...bodies, start: ["ret"] }, { calls, indirect, taskHits })).toContain("not-from-probes.ts: start begins no hit; take the entry out");
  });

  test("handlers and bodies that are not to be found", () => {
    const indirect = [{ caller: "stp_call", count: 1, targets: "program", why: "" }] as const;
    const problems = fails({ stp_call: ["call __x86_indirect_thunk_rax", "ret"], stp_probe_hit: ["ret"] }, { indirect });
    expect(problems.map((problem) => problem.split(":")[0])).toEqual(["stp_probe_hit", "stp_probe_N_body"]);
  });

  test("a call that is not measured", () => {
    const calls = { functions: ["stp_call", "stp_new"], inlined: ["stp_macro"] };
    expect(fails({ stp_call: ["ret"] }, { calls })).toEqual([
      "stp_new: a header declares it, and it is not in the object",
      "stp_macro: everything.c has no function measured_stp_macro to measure it",
    ]);
    expect(fails({ stp_call: ["ret"], measured_stp_macro__pair: ["ret"] }, { calls, notFromProbes: { stp_new: "init", stp_gone: "init" } })).toEqual(["not-from-probes.ts: no header declares stp_gone; take the entry out"]);
  });
});

describe("the calls of a header", () => {
  test("are its functions, and for authors its macros and inline functions", () => {
    const text = [
      "/* stp_commented(x); */",
      "#define stp_macro(m, key) \\",
      "\tstp_inside(m)",
      "int stp_plain(struct stp_ctx *ctx,",
      "\t\tint n);",
      "const char *stp_pointer(void);",
      "static inline s64 stp_inline(s64 a)",
      "{",
      "\treturn stp_called(a);",
      "}",
      "static STP_ALWAYS_INLINE void stp_part(void)",
      "typedef void (*stp_write_fn)(void *to);",
    ].join("\n");
    expect(declaredCalls({ "stp/map.h": text })).toEqual({ functions: ["stp_plain", "stp_pointer"], inlined: ["stp_inline", "stp_macro"] });
    expect(declaredCalls({ "stp/ring.h": text }).inlined).toEqual([]);
  });

  test("have the name that authors know", () => {
    expect(["stp_exit", "measured_stp_map_size", "measured_stp_map_add__pair"].map(shownName)).toEqual(["stp_exit", "stp_map_size", "stp_map_add (pair)"]);
  });
});
