import { expect, test } from "vitest";
import { StpError } from "../spec/errors.ts";
import { parseDepends } from "./apt.ts";
import { findKernel, KERNELS } from "./kernels.ts";

test("findKernel finds every kernel of the catalogue", () => {
  for (const kernel of KERNELS) expect(findKernel(kernel.name)).toBe(kernel);
});

test("findKernel with an unknown name suggests the nearest", () => {
  expect(() => findKernel("debian-6.1-clud")).toThrow(new StpError('Cannot find kernel "debian-6.1-clud": did you mean debian-6.1-cloud? "./stp kernel list" shows all'));
  expect(() => findKernel("debian-6.1-tr")).toThrow("did you mean debian-6.1-rt?");
});

test("parseDepends keeps exact versions and drops the others", () => {
  const text = "Package: linux-headers-6.1.0-9-amd64\nDepends: linux-headers-6.1.0-9-common (= 6.1.27-1), linux-kbuild-6.1 (>= 6.1.27-1), linux-compiler-gcc-12-x86\nSize: 1\n";
  expect(parseDepends(text)).toEqual([
    { name: "linux-headers-6.1.0-9-common", version: "6.1.27-1" },
    { name: "linux-kbuild-6.1", version: undefined },
    { name: "linux-compiler-gcc-12-x86", version: undefined },
  ]);
});
