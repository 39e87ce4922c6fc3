/** Builds the litmus cases into one module, hooks included. */
import { readdirSync, readFileSync } from "node:fs";
import { compileWasm, PORT_PREFIX, type CompileResult } from "../compile.ts";

const ROOT = new URL("../../", import.meta.url);
const HERE = "sim/litmus/";

/** `level` is the compiler's: every case must behave alike at each. */
export async function buildLitmus(level: "-O0" | "-O1" | "-O2"): Promise<CompileResult> {
  const cases = readdirSync(new URL(HERE, ROOT)).filter((name) => /\.[ch]$/.test(name));
  const paths = [...cases.map((name) => HERE + name), `${PORT_PREFIX}hooks.c`, `${PORT_PREFIX}hooks.h`];
  const sources = Object.fromEntries(paths.map((path) => [path, readFileSync(new URL(path, ROOT), "utf8")]));
  const exported = Object.values(sources).flatMap((text) => [...text.matchAll(/^[a-z][a-z ]* \**((?:lost_update|irq_counter|nested_buffer|irq_lock|lock_order|torn_value|spin|port)_\w+)\(/gm)].map((match) => match[1]!));
  return compileWasm({
    sources,
    units: paths.filter((path) => path.endsWith(".c")),
    includes: [HERE, PORT_PREFIX],
    cflags: [level, "-Wall", "-Wextra", "-Werror"],
    exports: exported,
    instrument: true,
    uninstrumented: [PORT_PREFIX, `${HERE}port.c`],
  });
}
