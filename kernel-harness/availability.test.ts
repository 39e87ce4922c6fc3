import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { availabilityOf } from "./availability.ts";
import { findKernel } from "./kernels.ts";
import { sanitizerKey } from "./sanitizers/build.ts";

/** A machine with nothing but these programs, and an empty cache. */
let path = "";
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "test-of-availability-"));
  for (const folder of ["bin", "cache"]) mkdirSync(join(path, folder));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

const env = (): NodeJS.ProcessEnv => ({ PATH: join(path, "bin"), STP_CACHE_DIR: join(path, "cache") });
const install = (...programs: readonly string[]): void => programs.forEach((name) => writeFileSync(join(path, "bin", name), "", { mode: 0o755 }));
const availability = (name: string): ReturnType<typeof availabilityOf> => availabilityOf(findKernel(name), env(), join(path, "cache"));

function cache(key: string): void {
  mkdirSync(join(path, "cache/kernel", key), { recursive: true });
  writeFileSync(join(path, "cache/kernel", key, "release"), "6.1.0-x\n");
}

const RUN = ["make", "gcc-12", "ld", "gcc", "setpriv"];

test("a kernel of Debian is fetchable where packages can be unpacked", async () => {
  expect(await availability("debian-6.1-cloud")).toEqual({ state: "no", missing: [{ program: "apt-get", package: "apt" }, { program: "dpkg", package: "dpkg" }] });
  install("dpkg");
  expect(await availability("debian-6.1-cloud")).toEqual({ state: "no", missing: [{ program: "apt-get", package: "apt" }] });
  install("apt-get");
  expect(await availability("debian-6.1-cloud")).toEqual({ state: "fetchable", from: "Debian", minutes: 1 });
});

test("one of another architecture says which programs come with it", async () => {
  install("apt-get", "dpkg");
  expect(await availability("debian-6.1-s390x")).toEqual({ state: "fetchable", from: "Debian, with qemu-system-misc gcc-12-s390x-linux-gnu on first use", minutes: 5 });
  install("qemu-system-s390x");
  expect(await availability("debian-6.1-s390x")).toMatchObject({ from: "Debian, with gcc-12-s390x-linux-gnu on first use" });
  install("s390x-linux-gnu-gcc-12");
  expect(await availability("debian-6.1-s390x")).toMatchObject({ from: "Debian" });
});

test("programs that are in the cache do not come again", async () => {
  install("apt-get", "dpkg");
  mkdirSync(join(path, "cache/tree/qemu-system-arm.layout1"), { recursive: true });
  expect(await availability("debian-6.1-arm64")).toMatchObject({ from: "Debian, with gcc-12-aarch64-linux-gnu on first use" });
});

test("a sanitizer kernel is buildable where there is a compiler", async () => {
  install("apt-get", "dpkg", "make", "ld", "xz");
  expect(await availability("sanitizers-memory")).toEqual({ state: "no", missing: [{ program: "gcc-12", package: "gcc-12" }] });
  install("gcc-12");
  expect(await availability("sanitizers-memory")).toMatchObject({ state: "buildable", minutes: 10 });
});

test("one that is here says its release, and what is missing to run it", async () => {
  cache("debian-6.1-cloud.layout1");
  cache(`sanitizers-races.${sanitizerKey("races")}`);
  install(...RUN.filter((name) => name !== "setpriv"));
  expect(await availability("debian-6.1-cloud")).toEqual({
    state: "here",
    release: "6.1.0-x",
    missing: [{ program: "setpriv", package: "util-linux" }, { program: "qemu-system-x86_64", package: "qemu-system-x86" }],
  });
  install("setpriv", "qemu-system-x86_64");
  expect(await availability("debian-6.1-cloud")).toEqual({ state: "here", release: "6.1.0-x", missing: [] });
  expect(await availability("sanitizers-races")).toMatchObject({ state: "here" });
});

test("one of another architecture can be run if its programs are there, or can be fetched", async () => {
  cache("debian-6.1-arm64.layout1");
  install(...RUN);
  expect(await availability("debian-6.1-arm64")).toMatchObject({ state: "here", missing: [{ program: "apt-get" }, { program: "dpkg" }] });
  install("qemu-system-aarch64", "aarch64-linux-gnu-gcc-12");
  expect(await availability("debian-6.1-arm64")).toMatchObject({ state: "here", missing: [] });
});
