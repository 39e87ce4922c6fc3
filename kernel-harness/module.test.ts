/** What buildModule() asks of make, and what it makes of its failures: with headers whose makefile says what the test wants. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { StpError } from "../spec/errors.ts";
import { ARCHITECTURES, type ArchitectureName } from "./architectures.ts";
import { buildModule, CompileError } from "./module.ts";

let path = "";
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "test-of-module-"));
  mkdirSync(join(path, "bin"));
  vi.stubEnv("STP_CACHE_DIR", join(path, "cache"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(path, { recursive: true, force: true });
});

/** The error of a build whose make says this on stderr; `M` in it stands for the folder of the sources. */
async function failure(says: string, architecture: ArchitectureName = "amd64", config = ""): Promise<Error> {
  const headers = join(path, "headers");
  mkdirSync(headers);
  writeFileSync(join(headers, ".config"), config);
  writeFileSync(join(headers, "says"), `${says}\n`);
  writeFileSync(join(headers, "Makefile"), 'modules:\n\t@echo "$(ARCH) $(CROSS_COMPILE) $(LLVM)" > variables\n\t@sed "s:^M/:$(M)/:" says >&2\n\t@false\n');
  const kernel = { name: "k", architecture: ARCHITECTURES[architecture], identity: "k", release: "1", headers };
  return buildModule(kernel, { name: "m", sources: { "src/map.c": "" }, objects: ["src/map.o"] }).then(
    () => new Error("it was built"),
    (error: Error) => error,
  );
}

const variables = (): string[] => readFileSync(join(path, "headers/variables"), "utf8").trim().split(" ");

function programs(...names: readonly string[]): void {
  for (const name of names) {
    writeFileSync(join(path, "bin", name), "#!/bin/sh\n");
    chmodSync(join(path, "bin", name), 0o755);
  }
}

describe("a failing make is a finding about our C:", () => {
  test.each([
    ["an error in a file of ours", "M/src/map.c:3:5: error: expected ';'"],
    ["the same of a make that runs in our folder", "src/map.c:3:5: fatal error: linux/gone.h: No such file or directory"],
    ["an error in a macro that a file of ours uses", "./include/linux/build_bug.h:50:2: error: assertion failed\nM/src/map.c:7:1: note: in expansion of macro 'ASSERT'"],
    ["a symbol that the kernel has not", 'ERROR: modpost: "gone" [M/m.ko] undefined!'],
  ])("%s", async (_, says) => expect(await failure(says)).toBeInstanceOf(CompileError));
});

describe("a failing make is the environment's:", () => {
  test.each([
    ["a compiler that is killed, after a warning", "M/src/map.c:3:5: warning: unused\ngcc-12: fatal error: Killed signal terminated program cc1"],
    ["a host tool that does not run", "/bin/sh: 1: scripts/mod/modpost: Exec format error"],
    ["a flag that the compiler does not know", "gcc-12: error: unrecognized command-line option '-fnew'"],
    ["headers that are broken", "./include/linux/kernel.h:3:5: error: expected ';'"],
    ["a compiler that breaks", "M/src/map.c:3:5: internal compiler error: Segmentation fault"],
  ])("%s", async (_, says) => {
    const error = await failure(says);
    expect(error).toBeInstanceOf(StpError);
    expect(error).not.toBeInstanceOf(CompileError);
    expect(error.message).toContain(says.split(": ").at(-1)); // it is told all the same
  });
});

describe("a kernel that clang made", () => {
  const CLANG = "CONFIG_CC_IS_CLANG=y\n";

  test("has its modules made by clang, of another architecture too", async () => {
    programs("clang", "ld.lld", "llvm-nm");
    vi.stubEnv("PATH", `${join(path, "bin")}:${process.env["PATH"]}`);
    await failure("", "arm64", CLANG);
    expect(variables()).toEqual(["arm64", "", "1"]);
  });

  test("cannot have modules without it: one sentence names the package", async () => {
    programs("make", "clang");
    vi.stubEnv("PATH", join(path, "bin"));
    expect((await failure("", "amd64", CLANG)).message).toBe('Cannot find ld.lld: run "sudo apt-get install lld"');
  });
});

test("modules of this machine's architecture are made without further variables", async () => {
  await failure("");
  expect(variables()).toEqual([""]);
});
