import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeDirectory } from "./directory.ts";

let path = "";
beforeEach(() => void (path = mkdtempSync(join(tmpdir(), "test-of-directory-"))));
afterEach(() => rmSync(path, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
}

const NEEDED = ["MODULE_UNLOAD", "DEBUG_FS", "RELAY", "KPROBES", "BLK_DEV_INITRD", "DEVTMPFS", "SERIAL_AMBA_PL011_CONSOLE"].map((name) => `CONFIG_${name}=y\n`).join("");
const CONFIG = `CONFIG_ARM64=y\nCONFIG_MODULES=y\n${NEEDED}CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_CONSOLE=m\n`;
const below = (folder: string, files: Readonly<Record<string, string>>): Record<string, string> => Object.fromEntries(Object.entries(files).map(([name, text]) => [folder + name, text]));
const HEADERS = { ".config": CONFIG, "include/config/kernel.release": "6.9.0-mine\n", "scripts/mod/modpost": "", "Module.symvers": "0x1 a\n" };
const BUILD_TREE = { ...HEADERS, Makefile: "", Kconfig: "", "arch/arm64/boot/Image": "", "modules.order": "drivers/char/virtio_console.o\n", "modules.builtin": "" };
const OTHER_TREE = below("build/", Object.fromEntries(Object.entries({ ...BUILD_TREE, Makefile: "include ../linux/Makefile\n" }).filter(([name]) => name !== "Kconfig")));
const FOLDER = { ...below("linux-headers-6.9.0-mine/", HEADERS), "linux-headers-6.9.0-common/Makefile": "", "vmlinuz-6.9.0-mine": "", "lib/modules/6.9.0-mine/modules.order": "" };

test("a build tree gives its image, its headers and its modules", async () => {
  write({ ...BUILD_TREE, vmlinux: "" });
  const kernel = describeDirectory(path);
  expect(kernel).toMatchObject({ name: path, release: "6.9.0-mine", image: join(path, "arch/arm64/boot/Image"), modules: path, headers: path, vmlinux: join(path, "vmlinux") });
  expect(kernel.architecture.name).toBe("arm64");
});

test("a folder gives the image, the headers that are configured, and the modules", async () => {
  write(FOLDER);
  const kernel = describeDirectory(path);
  expect(kernel).toMatchObject({ image: join(path, "vmlinuz-6.9.0-mine"), modules: join(path, "lib/modules/6.9.0-mine"), headers: join(path, "linux-headers-6.9.0-mine") });
  expect(kernel.vmlinux).toBeUndefined();
});

test("the release is that of the modules, which Debian's headers have in another file", async () => {
  write({ ...BUILD_TREE, "include/generated/utsrelease.h": '#define UTS_RELEASE "6.9.0-1-theirs"\n' });
  expect(describeDirectory(path).release).toBe("6.9.0-1-theirs");
});

test("without modules what the guest needs must be built in", async () => {
  write({ ...BUILD_TREE, ".config": CONFIG.replace("VIRTIO_CONSOLE=m", "VIRTIO_CONSOLE=y") });
  unlinkSync(join(path, "modules.order"));
  expect(describeDirectory(path).modules).toBeUndefined();
});

test("a kernel that is built anew is another one, though of the same release and place", async () => {
  write(BUILD_TREE);
  const before = describeDirectory(path);
  expect(describeDirectory(path).identity).toBe(before.identity);
  write({ "Module.symvers": "0x2 a\n" });
  expect(describeDirectory(path).identity).not.toBe(before.identity);
});

test("a tree that was made with O= is one, with its source elsewhere", async () => {
  write({ ...OTHER_TREE, ...below("linux/", { Makefile: "", Kconfig: "" }) });
  symlinkSync("../linux", join(path, "build/source"));
  expect(describeDirectory(join(path, "build"))).toMatchObject({ headers: join(path, "build"), image: join(path, "build/arch/arm64/boot/Image") });
});

const CHANGED = [
  ["a header", "include/linux/sched.h"],
  ["a header of the architecture", "arch/arm64/include/asm/ptrace.h"],
  ["the image", "arch/arm64/boot/Image"],
] as const;
test.each(CHANGED)("%s that changed makes another kernel, in size or in time", async (_, file) => {
  write({ ...BUILD_TREE, ...Object.fromEntries(CHANGED.map(([, name]) => [name, "1"])) });
  utimesSync(join(path, file), 1, 1);
  const identities = [describeDirectory(path).identity];
  write({ [file]: "22" });
  utimesSync(join(path, file), 1, 1);
  identities.push(describeDirectory(path).identity);
  utimesSync(join(path, file), 2, 2);
  identities.push(describeDirectory(path).identity);
  expect(new Set(identities).size).toBe(3);
});

const ELSEWHERE = [
  ["the source of a tree made with O=", "build", "linux", "include ../linux/Makefile\n"],
  ["Debian's common headers", "linux-headers-1", "linux-headers-1-common", "include $(dir $(lastword $(MAKEFILE_LIST)))../linux-headers-1-common/Makefile\n"],
] as const;
test.each(ELSEWHERE)("a header that changed in %s makes another kernel", async (_, folder, source, Makefile) => {
  write({ ...below(`${folder}/`, { ...BUILD_TREE, Makefile }), [`${source}/include/linux/sched.h`]: "1" });
  const before = describeDirectory(join(path, folder));
  write({ [`${source}/include/linux/sched.h`]: "22" });
  expect(describeDirectory(join(path, folder)).identity).not.toBe(before.identity);
});

test("headers that are links to folders, in a circle too, are listed once", async () => {
  write({ ...below("a/", BUILD_TREE), "b/linux/sched.h": "1" });
  mkdirSync(join(path, "a/include"), { recursive: true });
  symlinkSync("../../b/linux", join(path, "a/include/linux"));
  symlinkSync("..", join(path, "b/linux/circle"));
  const before = describeDirectory(join(path, "a"));
  write({ "b/linux/sched.h": "22" });
  expect(describeDirectory(join(path, "a")).identity).not.toBe(before.identity);
});

test("of several images and vmlinux the ones of the headers' release are taken", async () => {
  write({ ...FOLDER, "vmlinuz-6.8.0-mine": "", "vmlinux-6.8.0-mine": "", "vmlinux-6.9.0-mine": "" });
  expect(describeDirectory(path)).toMatchObject({ image: join(path, "vmlinuz-6.9.0-mine"), vmlinux: join(path, "vmlinux-6.9.0-mine") });
});

test("the same kernel at two places is two, and by a link it is one", async () => {
  write({ ...below("a/", BUILD_TREE), ...below("b/", BUILD_TREE) });
  symlinkSync("a", join(path, "link"));
  const [a, b, link] = ["a", "b", "link"].map((name) => describeDirectory(join(path, name)).identity);
  expect(a).not.toBe(b);
  expect(link).toBe(a);
});

describe("one sentence says what is missing:", () => {
  const sentences: readonly (readonly [string, Readonly<Record<string, string>>, string | undefined, string])[] = [
    ["the directory", {}, ".", "there is no such directory"],
    ["everything", {}, undefined, "it is no kernel's build tree (a Makefile and Kconfig), and has no image (bzImage, Image or vmlinuz*)"],
    ["one image", { ...below("linux-headers-6.9.0-mine/", HEADERS), "vmlinuz-1": "", "vmlinuz-2": "" }, undefined, "it has vmlinuz-1 and vmlinuz-2, and none is vmlinuz-6.9.0-mine, as its headers are; leave one"],
    ["options", { ...BUILD_TREE, ".config": CONFIG.replace("CONFIG_RELAY=y", "").replace("PL011_CONSOLE=y", "PL011_CONSOLE=m") }, undefined, "a guest needs CONFIG_RELAY, CONFIG_SERIAL_AMBA_PL011_CONSOLE built in; set them to y"],
    ["an option", { ...BUILD_TREE, ".config": CONFIG.replace("CONFIG_KPROBES=y", "") }, undefined, "a guest needs CONFIG_KPROBES built in; set it to y"],
    ["headers", { bzImage: "" }, undefined, "it has bzImage but no headers (a folder linux-headers-*)"],
    ["the image", BUILD_TREE, "arch/arm64/boot/Image", 'it has no arch/arm64/boot/Image; run "make" in it'],
    ["the configuration", BUILD_TREE, ".config", 'PATH has no .config; run "make defconfig" in it'],
    ["the configuration of headers", { bzImage: "", ...below("linux-headers-1/", HEADERS) }, "linux-headers-1/.config", 'PATH/linux-headers-1 has no .config; run "make defconfig" in it'],
    ["an architecture that is known", { ...BUILD_TREE, ".config": "CONFIG_RISCV=y\n" }, undefined, "it is for none of amd64, arm64, i386, s390x"],
    ["modules at all", { ...BUILD_TREE, ".config": "CONFIG_ARM64=y\n" }, undefined, "it takes no modules; set CONFIG_MODULES=y"],
    ["the release", BUILD_TREE, "include/config/kernel.release", 'PATH has no include/config/kernel.release; run "make modules_prepare" in it'],
    ["modpost", BUILD_TREE, "scripts/mod/modpost", 'PATH has no scripts/mod/modpost; run "make modules_prepare" in it'],
    ["symbols", BUILD_TREE, "Module.symvers", 'PATH has no Module.symvers; run "make" in it'],
    ["modules", BUILD_TREE, "modules.order", "there is no PATH/modules.order, and CONFIG_VIRTIO_CONSOLE is not built in; give the modules, or set CONFIG_VIRTIO_CONSOLE=y"],
  ];
  test.each(sentences)("%s", async (_, files, without, sentence) => {
    write(files);
    if (without !== undefined) rmSync(join(path, without), { recursive: true });
    expect(() => describeDirectory(path)).toThrow(`Cannot use the kernel in ${path}: ${sentence.replaceAll("PATH", path)}`);
  });

  test("a path without a space", async () => {
    write(below("a b/", BUILD_TREE));
    expect(() => describeDirectory(join(path, "a b"))).toThrow("make takes no path with a space");
  });
});
