import { endianness } from "node:os";
import { expect, test } from "vitest";
import { ARCHITECTURES, type ArchitectureName } from "./architectures.ts";
import type { FetchedKernel } from "./fetch.ts";
import { KERNELS } from "./kernels.ts";
import { qemuArguments } from "./qemu.ts";

function argumentsOf(name: ArchitectureName, host_files = false, isWatched = false): string[] {
  const kernel: FetchedKernel = { name: "k", architecture: ARCHITECTURES[name], release: "1", identity: "1", image: "/image", modules: undefined, headers: "/headers", isWatched };
  return qemuArguments(kernel, { accelerator: "tcg", cpus: 3, memory_mib: 256, host_files }, { initramfs: "/initramfs", console: "/a,b" });
}

const names = Object.keys(ARCHITECTURES) as ArchitectureName[];

test("a kernel that watches its allocations gets the board that costs it fewer", () => {
  expect(argumentsOf("amd64", false, true).join(" ")).toContain("-M q35");
  expect(argumentsOf("amd64").join(" ")).not.toContain("q35");
});

test.each(names)("%s is found by its name, and its configuration is its own", (name) => {
  expect(ARCHITECTURES[name].name).toBe(name);
  expect(Object.values(ARCHITECTURES).filter(({ config }) => config === ARCHITECTURES[name].config)).toHaveLength(1);
});

test.each(names)("there is a kernel of %s", (name) => expect(KERNELS.some(({ architecture }) => architecture === name)).toBe(true));

test("the machine's own programs are made without a toolchain", () => {
  expect(names.filter((name) => !ARCHITECTURES[name].toolchain)).toEqual(["amd64"]);
  expect(names.filter((name) => ARCHITECTURES[name].crossModules && !ARCHITECTURES[name].toolchain)).toEqual([]);
});

test("one is big-endian, one has 32 bits, and the sandbox's order is that of the others", () => {
  expect(endianness()).toBe("LE");
  expect(names.filter((name) => !ARCHITECTURES[name].littleEndian)).toEqual(["s390x"]);
  expect(names.filter((name) => ARCHITECTURES[name].bits === 32)).toEqual(["i386"]);
});

test.each([
  ["amd64", "console=ttyS0", "virtio-serial-pci"],
  ["arm64", "console=ttyAMA0", "virtio-serial-pci"],
  ["i386", "console=ttyS0", "virtio-serial-pci"],
  ["s390x", "console=ttysclp0", "virtio-serial-ccw"],
] as const)("a guest of %s has the console %s and its report port on %s", (name, console, device) => {
  const line = argumentsOf(name);
  expect(line[line.indexOf("-append") + 1]!.split(" ")[0]).toBe(console);
  expect(line).toContain(device);
  expect(line[line.indexOf("-smp") + 1]).toBe("3");
  expect(line).toContain("file,id=console,path=/a,,b");
});

test.each(names)("a guest of %s has one CPU model, and one machine at most", (name) => {
  const line = argumentsOf(name);
  expect(line.filter((argument) => argument === "-cpu")).toHaveLength(1);
  expect(line.filter((argument) => argument === "-M").length).toBeLessThanOrEqual(1);
});

test.each(names)("files of the host come to a guest of %s over its own bus", (name) => {
  expect(argumentsOf(name, true)).toContain(`virtio-9p-${ARCHITECTURES[name].qemu.bus},fsdev=host,mount_tag=host`);
  expect(argumentsOf(name).some((argument) => argument.startsWith("virtio-9p"))).toBe(false);
});
