/** What others call from their CI: the workflow, its scripts, and the page that shows them. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { cacheRoot } from "../spec/cache.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { KERNELS } from "../kernel-harness/kernels.ts";

interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly if?: string;
  readonly with?: Readonly<Record<string, string | number>>;
}

interface Workflow {
  readonly on: { readonly workflow_call: { readonly inputs: Readonly<Record<string, { readonly required?: boolean; readonly default?: string }>> } };
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, { readonly steps: readonly Step[] }>>;
}

/** The workflow that docs/kernel-ci.md shows. */
interface Shown {
  readonly jobs: Readonly<Record<string, { readonly uses?: string; readonly with?: Readonly<Record<string, string>>; readonly steps?: readonly Step[] }>>;
}

const PATH = ".github/workflows/kernels.yml";
const read = (path: string): string => readFileSync(join(PROJECT_ROOT, path), "utf8");
const text = read(PATH);
const workflow = parse(text) as Workflow;
const inputs = workflow.on.workflow_call.inputs;
const steps = workflow.jobs["test"]!.steps;
const step = (id: string): Step => steps.find((candidate) => candidate.id === id)!;
const using = (action: string): Step => steps.find(({ uses }) => uses?.startsWith(`${action}@`))!;
const shown = parse(/^```yaml\n([^]*?)^```$/m.exec(read("docs/kernel-ci.md"))![1]!) as Shown;
const calls = Object.values(shown.jobs).flatMap(({ uses, with: given = {} }) => (uses === undefined ? [] : [{ uses, given }]));

let temporary = "";
beforeEach(() => void (temporary = mkdtempSync(join(tmpdir(), "test-of-workflow-"))));
afterEach(() => rmSync(temporary, { recursive: true, force: true }));

interface Shell {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function shell(command: string, cwd: string, env: Readonly<Record<string, string>> = {}): Shell {
  return spawnSync("sh", ["-c", command], { cwd, encoding: "utf8", env: { ...process.env, ...env } });
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  if (text.startsWith("#!")) chmodSync(path, 0o755);
}

const valuesOf = (lines: string): Record<string, string> => Object.fromEntries(lines.trim().split("\n").map((line) => line.split(/=(.*)/s, 2)));

describe(PATH, () => {
  test("uses each of its inputs, and no other", () => {
    const used = new Set([...text.matchAll(/inputs\.(\w+)/g)].map((match) => match[1]));
    expect([...used].sort()).toEqual(Object.keys(inputs).sort());
  });

  test("tests kernels that there are", () => {
    const names: readonly string[] = KERNELS.map(({ name }) => name);
    for (const kernel of JSON.parse(inputs["kernels"]!.default!) as string[]) expect(names).toContain(kernel);
  });

  test("runs the plain script, keeps its cache, and keeps its results whatever came of it", () => {
    expect(steps.flatMap(({ run }) => [...(run ?? "").matchAll(/sh ci\/kernels\.sh \S+/g)].map(([command]) => command))).toEqual(["sh ci/kernels.sh --key", "sh ci/kernels.sh --renew", 'sh ci/kernels.sh "$KERNEL"']);
    const [restore, save] = [using("actions/cache/restore"), using("actions/cache/save")];
    for (const { with: given } of [restore, save]) expect(given).toMatchObject({ path: cacheRoot({}).replace(process.env["HOME"] ?? "", "~"), key: "${{ steps.names.outputs.key }}" });
    expect(save.if).toMatch(/^always\(\) && /);
    expect(steps.indexOf(restore)).toBeLessThan(steps.findIndex(({ run }) => run?.includes("--renew")));
    expect(using("actions/upload-artifact")).toMatchObject({ if: "always()", with: { path: "stp/results", name: "${{ steps.names.outputs.results }}" } });
  });

  test("gives no command anything but by environment, and can only read", () => {
    expect(steps.map(({ run }) => run ?? "").join("\n")).not.toContain("${{");
    expect(workflow.permissions).toEqual({ contents: "read" });
  });

  test("gives arguments apart, and its status to the steps after it", () => {
    write(join(temporary, "ci/kernels.sh"), 'printf "<%s>" "$@"; exit 1\n');
    const output = join(temporary, "output");
    const { status, stdout } = shell(step("test").run!, temporary, { KERNEL: "a b", ARGUMENTS: "--full --guests 1", GITHUB_OUTPUT: output });
    expect({ status, stdout, output: readFileSync(output, "utf8") }).toEqual({ status: 1, stdout: "<a b><--full><--guests><1>", output: "status=1\n" });
  });

  test("is called by docs/kernel-ci.md with the inputs that it has, all that it must have, and the ref that is pinned", () => {
    expect(calls).toHaveLength(2);
    for (const { uses, given } of calls) {
      const [path, ref] = uses.split("@");
      expect(path).toMatch(new RegExp(`/${PATH.replaceAll(".", "\\.")}$`));
      expect(given["ref"] ?? inputs["ref"]!.default).toBe(ref);
      for (const name of Object.keys(given)) expect(Object.keys(inputs)).toContain(name);
      for (const [name, { required }] of Object.entries(inputs)) if (required) expect(Object.keys(given)).toContain(name);
    }
  });

  test("gives the artifacts of all jobs of the page, and of a second call with arguments, names of their own", () => {
    const all: readonly Readonly<Record<string, string>>[] = [...calls.map(({ given }) => given), { ...calls[0]!.given, arguments: "--test boot/x" }];
    const jobs = all.flatMap((given) =>
      (given["built"] ? ["/tmp/kernel"] : (JSON.parse(given["kernels"]!) as string[])).map((KERNEL) => ({ KERNEL, BUILT: given["built"] ?? "", ARGUMENTS: given["arguments"] ?? "" })),
    );
    const names = jobs.map((env, index) => {
      const output = join(temporary, String(index));
      expect(shell(step("names").run!, PROJECT_ROOT, { ...env, GITHUB_OUTPUT: output }).status).toBe(0);
      return valuesOf(readFileSync(output, "utf8"))["results"];
    });
    expect(names).toEqual("debian-6.1-cloud debian-6.1 debian-6.1-rt our-kernel debian-6.1-cloud-test-boot-x debian-6.1-test-boot-x debian-6.1-rt-test-boot-x".split(" ").map((name) => `results-${name}`));
    expect(new Set(names).size).toBe(jobs.length);
  });

  test("unpacks what the page's own job packs to the directory that it tests", () => {
    write(join(temporary, "linux/Makefile"), "");
    expect(shell(shown.jobs["build"]!.steps!.find(({ run }) => run?.startsWith("tar "))!.run!, temporary).status).toBe(0);
    const { path } = using("actions/download-artifact").with!;
    const there = join(temporary, "there");
    mkdirSync(there);
    cpSync(join(temporary, "tree.tar"), join(there, "tree.tar"));
    expect(shell(steps.find(({ run }) => run?.startsWith("tar "))!.run!.replaceAll(String(path), there), temporary).status).toBe(0);
    expect(readdirSync(there)).toEqual(["Makefile"]);
  });
});

/** What `--key` reads, in a project of its own with another stp. */
function copyProject(): string {
  const root = join(temporary, "project");
  for (const path of ["ci/kernels.sh", "kernel-harness/fetch.ts", "kernel-harness/kernels.ts", "kernel-harness/sanitizers", "package-lock.json", "runtime-c/src", "runtime-c/port/kernel"]) cpSync(join(PROJECT_ROOT, path), join(root, path), { recursive: true });
  write(join(root, "ci/setup.sh"), 'echo "setup $*"\n');
  write(join(root, "stp"), '#!/bin/sh\necho "$PWD: $*"\n');
  return root;
}

describe("ci/kernels.sh", () => {
  const keysOf = (kernel: string, root = PROJECT_ROOT): Record<string, string> => valuesOf(shell(`sh ci/kernels.sh --key ${kernel}`, root).stdout);

  test("--key names a key that begins with its kernel's, of another kernel another", () => {
    const [one, other, own] = [keysOf("debian-6.1"), keysOf("debian-6.1-rt"), keysOf("/tmp/kernel")];
    expect(one["key"]).toMatch(/^stp-debian-6\.1-[0-9a-f]{16}-\d{4}-\d\d-[0-9a-f]{16}$/);
    expect(one["key"]!.startsWith(`${one["kernel"]}-`)).toBe(true);
    expect(other["kernel"]).not.toBe(one["kernel"]);
    expect(own["key"]).toMatch(/^[\w.-]+$/); // GitHub refuses commas in a key
  });

  test.each(["kernel-harness/sanitizers/build.ts", "kernel-harness/sanitizers/common.config", "kernel-harness/fetch.ts"])("--key changes with %s", (path) => {
    const root = copyProject();
    const before = keysOf("debian-6.1", root)["kernel"];
    write(join(root, path), "changed");
    expect(keysOf("debian-6.1", root)["kernel"]).not.toBe(before);
  });

  test.each(["--key", '--key ""', "--key a b", "--renew a"])("%s is refused in one sentence, and prints no key", (args) => {
    const { status, stdout, stderr } = shell(`sh ci/kernels.sh ${args}`, PROJECT_ROOT, { STP_CACHE_DIR: temporary });
    expect({ status, stdout, lines: stderr.trim().split("\n").length }).toEqual({ status: 2, stdout: "", lines: 1 });
  });

  test("--renew removes the kernels of Debian that an earlier week fetched, and nothing else", () => {
    const kernels = join(temporary, "kernel");
    for (const name of ["debian-old", "debian-new", "sanitizers-old"]) write(join(kernels, name, "release"), "");
    const week_s = 7 * 24 * 3600;
    for (const name of ["debian-old", "sanitizers-old"]) utimesSync(join(kernels, name, "release"), 0, Date.now() / 1000 - week_s);
    expect(shell("sh ci/kernels.sh --renew", PROJECT_ROOT, { STP_CACHE_DIR: temporary }).status).toBe(0);
    expect(readdirSync(kernels)).toEqual(["debian-new", "sanitizers-old"]);
    expect(shell("sh ci/kernels.sh --renew", PROJECT_ROOT, { STP_CACHE_DIR: join(temporary, "none") }).status).toBe(0);
  });

  test("takes paths relative to where it is called, and installs what kernels need alone", () => {
    copyProject();
    const { stdout } = shell("sh project/ci/kernels.sh ./kernel --full", temporary, { STP_RESULTS: "mine" });
    expect(stdout).toBe(`setup --kernels\n${temporary}: kernel test --results mine ./kernel --full\n`);
  });

  test("replaces the results of an earlier run, and no other directory", () => {
    copyProject();
    for (const name of ["results/results.json", "results/k/console", "other/file"]) write(join(temporary, name), "");
    expect(shell("sh project/ci/kernels.sh k", temporary, { STP_RESULTS: "" }).stdout).toContain("--results results k");
    expect(existsSync(join(temporary, "results"))).toBe(false);
    shell("sh project/ci/kernels.sh k", temporary, { STP_RESULTS: "other" });
    expect(existsSync(join(temporary, "other/file"))).toBe(true);
  });
});

describe("ci/setup.sh", () => {
  /** With programs that say what they are asked for; `here` are the packages that are installed. */
  function setUp(args: string, here: string): Shell {
    cpSync(join(PROJECT_ROOT, "ci/setup.sh"), join(temporary, "ci/setup.sh"));
    write(join(temporary, "stp"), "#!/bin/sh\n");
    write(join(temporary, "bin/dpkg-query"), `#!/bin/sh\ncase " ${here} " in *" $3 "*) echo install ok installed ;; *) exit 1 ;; esac\n`);
    write(join(temporary, "bin/id"), "#!/bin/sh\necho 1000\n");
    write(join(temporary, "bin/sudo"), `#!/bin/sh\necho "sudo $*" >> ${join(temporary, "asked")}\n`);
    return shell(`sh ci/setup.sh ${args}`, temporary, { PATH: `${join(temporary, "bin")}:${process.env["PATH"]}` });
  }
  const KERNELS_NEED = "qemu-system-x86 gcc gcc-12 make libc6-dev libelf1 binutils xz-utils debian-archive-keyring";
  const asked = (): string => readFileSync(join(temporary, "asked"), "utf8").trim().split("\n").at(-1)!;

  test("--kernels installs what kernels need, and Debian's keys, by sudo with the variable that sudo drops", () => {
    expect(setUp("--kernels", "").stdout).toBe(`installing ${KERNELS_NEED}\nall is here\n`);
    expect(asked()).toBe(`sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ${KERNELS_NEED}`);
  });

  test("without it, what the other tests need too", () => {
    setUp("", KERNELS_NEED);
    expect(asked()).toMatch(/ cpio clang-14 libclang-rt-14-dev$/);
  });

  test("says that all is here, and asks for nothing, also where a library has its later name", () => {
    expect(setUp("--kernels", KERNELS_NEED.replace("libelf1", "libelf1t64"))).toMatchObject({ status: 0, stdout: "all is here\n" });
    expect(existsSync(join(temporary, "asked"))).toBe(false);
  });
});
