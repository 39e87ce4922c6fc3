/** What stpd cannot do it says before anything is touched, in one sentence, and leaves nothing. Boots one guest. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import type { GuestResult } from "../guest.ts";
import { buildModule } from "../module.ts";
import { step } from "../steps.ts";
import { boot, ends, fileOf, interrupted, linesModule, MINUTE_MS, printedBy, problemsOf, saidBy, started, STEP_S_MAX, tool } from "./daemon.ts";
import { testedKernel } from "../testing.ts";

const KO = "/stp_lines.ko";
const CAP_SYS_MODULE = 16;
const CAP_NET_ADMIN = 12;
const CUT_SIZE = 20_000;

/** Name, arguments behind -o, what it says. In each case it ends with status 2. */
const REFUSALS: readonly (readonly [name: string, args: readonly string[], says: RegExp])[] = [
  ["other_kernel", ["/other.ko"], /^stpd: \/other\.ko was built for kernel 6\.1\.0-\S+, and this is 6\.1\.0-\S+; build it for this one$/],
  ["no_module", ["/stpd"], /^stpd: \/stpd is no kernel module; give the \.ko that was built$/],
  ["text", ["/text.ko"], /^stpd: \/text\.ko is no kernel module; give the \.ko that was built$/],
  ["cut", ["/cut.ko"], /^stpd: \/cut\.ko is cut short: its end is missing; copy or build it again$/],
  ["missing", ["/missing.ko"], /^stpd: cannot read \/missing\.ko: No such file or directory$/],
  ["foreign", ["/foreign.ko"], /^stpd: \/foreign\.ko is no module of stp, or of another version: it has no parameter ring_size; build it anew$/],
  ["limit", ["-l", "axions=5", KO], /^stpd: there is no limit "axions"; "modinfo -p \/stp_lines\.ko" lists those of the module$/],
  ["ring", ["-b", "3", KO], /^stpd: -b takes a power of two, as 65536, 64K or 1M, not "3"$/],
  ["rotation", ["-S", "1M,0", KO], /^stpd: -S takes a size of at least 4096 bytes and how many files of that size to keep, at most 1000, as 16M,4, not "1M,0"$/],
  ["many_parts", ["-S", "1M,1001", KO], /^stpd: -S takes /],
  ["small_part", ["-S", "4095", KO], /^stpd: -S takes /],
  ["mode", ["-m", "both", KO], /^stpd: -m takes discard or overwrite, not "both"$/],
  ["contradiction", ["-m", "overwrite", "-S", "1M,2", KO], /^stpd: -S is for mode discard: in mode overwrite the ring itself keeps the newest; give a larger -b$/],
  ["leave", ["-L", "-D", KO], /^stpd: -L leaves the session at once; leave out -c, -x, -D and -S, and give them to the stpd that goes on with -A$/],
  ["background", ["-D", "/missing.ko"], /^stpd: cannot read \/missing\.ko: No such file or directory$/],
  ["attach_none", ["-A", "stp_none"], /^stpd: no module stp_none is loaded; "lsmod" lists what is$/],
  ["attach_foreign", ["-A", "virtio_console"], /^stpd: module virtio_console is none of stp: it has no parameter ring_size$/],
];
/** Many limits fit, but not any number of them. */
const MANY_LIMITS = Array.from({ length: 20 }, () => ["-l", "overload_interval_ms=4294967295"]).flat();

describe("stpd", () => {
  let guest: GuestResult;

  beforeAll(async () => {
    const kernel = await testedKernel();
    const source = '#include <linux/module.h>\nstatic int __init begin(void) { return 0; }\nstatic void __exit end(void) {}\nmodule_init(begin);\nmodule_exit(end);\nMODULE_LICENSE("Dual MIT/GPL");\n';
    const module = await readFile(await linesModule());
    guest = await boot(
      [
        tool("cut_it", "cut", KO, "/cut.ko", CUT_SIZE),
        ...REFUSALS.flatMap(([name, args]) => ends(name, 2, "-o", `/${name}`, ...args)),
        ...ends("limits", 2, "-o", "/limits", ...MANY_LIMITS, KO),
        ...ends("no_directory", 2, KO),
        ...ends("clean_none", 2, "-C", "stp_none"),
        step("write", "/full/file", "x"),
        ...ends("full", 2, "-o", "/full", KO),
        ...ends("in_file", 2, "-o", "/full/file", KO),
        // No privileges, no debugfs.
        step("start", "unprivileged", "/tool", "without", CAP_SYS_MODULE, "/stpd", "-o", "/unprivileged", KO),
        step("wait", "unprivileged", STEP_S_MAX, 2),
        step("start", "no_net", "/tool", "without", CAP_NET_ADMIN, "/stpd", "-t", "netlink", "-o", "/no_net", KO),
        step("wait", "no_net", STEP_S_MAX, 2),
        tool("unmount", "debugfs", "off"),
        ...ends("no_debugfs", 2, "-o", "/no_debugfs", KO),
        ...started("netlink", "-t", "netlink", "-o", "/netlink", "-c", "/lines 2 50 0", KO),
        step("wait", "netlink", STEP_S_MAX),
        step("send", "/netlink"),
        tool("mount", "debugfs", "on"),
        // The name is taken; the module's own session, and the directory, are untouched.
        ...started("first", "-o", "/first", KO),
        ...ends("clash", 2, "-o", "/clash", KO),
        ...ends("second_reader", 2, "-A", "stp_lines", "-o", "/second"),
        ...ends("clean_busy", 2, "-C", "stp_lines"),
        ...ends("same_directory", 2, "-o", "/first", "/stp_two.ko"),
        step("start", "rmmod_of_another", "/rmmod", "stp_lines"),
        step("wait", "rmmod_of_another", STEP_S_MAX, 1),
        ...interrupted("first"),
        step("send", "/first/manifest.json"),
        step("send", "/proc/modules"),
        tool("left", "list", "/"),
      ],
      {
        files: {
          "/text.ko": { contents: "no module\n" },
          "/full/other": { contents: "x" },
          "/other.ko": { contents: forAnotherKernel(module) },
          "/foreign.ko": await buildModule(kernel, { name: "foreign", sources: { "foreign.c": source }, objects: ["foreign.o"] }),
          "/stp_two.ko": await linesModule("stp_two"),
          "/rmmod": await rmmod(),
        },
      },
    );
    expect(problemsOf(guest), Object.keys(guest.outputs).map((name) => `${name}: ${saidBy(guest, name)}`).join("")).toEqual([]);
  }, 6 * MINUTE_MS);

  test.each(REFUSALS)("refuses %s in one sentence", (name, _args, says) => {
    expect(saidBy(guest, name).trimEnd()).toMatch(says);
    expect(saidBy(guest, name).trimEnd().split("\n")).toHaveLength(1);
  });

  test("refuses more limits than fit", () => {
    expect(saidBy(guest, "limits")).toBe("stpd: more limits than fit into 512 bytes; give fewer -l\n");
  });

  test("wants to be told where the recording goes", () => {
    expect(saidBy(guest, "no_directory")).toBe("stpd: say by -o where the recording goes, a new or empty directory\n");
    expect(saidBy(guest, "full")).toBe("stpd: cannot record into /full: it is not empty; give a new or empty directory by -o\n");
    expect(saidBy(guest, "in_file")).toBe("stpd: cannot record into /full/file: Not a directory; give a new or empty directory by -o\n");
  });

  test("without privileges says which are missing", () => {
    expect(saidBy(guest, "unprivileged")).toBe("stpd: loading and unloading a module needs the capability CAP_SYS_MODULE; run stpd as root\n");
    expect(saidBy(guest, "no_net")).toBe("stpd: -t netlink needs the capability CAP_NET_ADMIN; run stpd as root\n");
  });

  test("without debugfs says how to mount it, and that netlink needs none; that works", () => {
    expect(saidBy(guest, "no_debugfs")).toBe('stpd: debugfs is not mounted: "mount -t debugfs none /sys/kernel/debug", or use -t netlink\n');
    expect(JSON.parse(fileOf(guest, "/netlink/manifest.json"))).toMatchObject({ state: "ended", transport: "netlink" });
    expect(["cpu0", "cpu1"].map((cpu) => guest.files.get(`/netlink/${cpu}.data`)!.length).reduce((a, b) => a + b)).toBe(100 * 104);
  });

  test("leaves a session, a module and a directory alone that another stpd has", () => {
    expect(saidBy(guest, "clash")).toBe('stpd: a module stp_lines is loaded already: end its session, or go on with it by "stpd -A stp_lines", or "stpd -C stp_lines" to clean it up\n');
    for (const name of ["second_reader", "clean_busy"]) expect(saidBy(guest, name)).toBe('stpd: another stpd is at the session of module stp_lines; end that first, by ^C or "kill"\n');
    expect(saidBy(guest, "same_directory")).toBe("stpd: cannot record into /first: another stpd does; give another directory by -o\n");
    expect(saidBy(guest, "clean_none")).toBe('stpd: no module stp_none is loaded; "lsmod" lists what is\n');
    expect(JSON.parse(fileOf(guest, "/first/manifest.json"))).toMatchObject({ state: "ended" });
  });

  test("keeps its module in use, so that nobody else can unload it", () => {
    expect(saidBy(guest, "rmmod_of_another")).toBe("Resource temporarily unavailable\n");
  });

  test("leaves nothing", () => {
    expect(fileOf(guest, "/proc/modules")).not.toMatch(/stp_|foreign/);
    const left = printedBy(guest, "left").split("\n");
    expect([...REFUSALS.map(([name]) => name), "limits", "unprivileged", "no_net", "no_debugfs", "clash", "second"].filter((name) => left.includes(name))).toEqual([]);
  });
});

/** The module as if it had been built for a kernel of another number. */
function forAnotherKernel(module: Uint8Array): Uint8Array {
  const bytes = Buffer.from(module);
  const at = bytes.indexOf("vermagic=6.1.0-");
  expect(at).toBeGreaterThan(0);
  bytes.write("99", at + "vermagic=6.1.0-".length);
  return bytes;
}

async function rmmod(): Promise<string> {
  const { buildProgram } = await import("../tools.ts");
  const source = "#define _GNU_SOURCE\n#include <errno.h>\n#include <fcntl.h>\n#include <stdio.h>\n#include <string.h>\n#include <sys/syscall.h>\n#include <unistd.h>\nint main(int argc, char **argv)\n{\n\tif (argc == 2 && !syscall(SYS_delete_module, argv[1], O_NONBLOCK))\n\t\treturn 0;\n\tfprintf(stderr, \"%s\\n\", strerror(errno));\n\treturn 1;\n}\n";
  return buildProgram({ name: "rmmod", sources: { "rmmod.c": source } });
}
