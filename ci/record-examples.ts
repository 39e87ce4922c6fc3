/**
 * Records the traces of the examples again, and writes what the sandbox prints over them into output.txt and into the pages.
 *
 * `npm run examples:record` does all that have a trace, `npm run examples:record 005 010` those. Each page's own `./stp kernel record` line says under
 * which workload. Boots a guest for each. What a page tells about its numbers has to be read again afterwards.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_ROOT } from "../spec/runtime.ts";

const RECORD_MS_MAX = 300_000;

/** Runs a line of a page. */
function shell(line: string): string {
  return execFileSync("sh", ["-c", line], { cwd: PROJECT_ROOT, encoding: "utf8", timeout: RECORD_MS_MAX, stdio: ["ignore", "pipe", "inherit"] });
}

function record(folder: string): void {
  const page = join(PROJECT_ROOT, folder, "README.md");
  const text = readFileSync(page, "utf8");
  const line = new RegExp(`^\\./stp kernel record ${folder}/probe\\.c.* -o /tmp/trace$`, "m").exec(text)?.[0];
  if (line === undefined) throw new Error(`${page} has no line "./stp kernel record ${folder}/probe.c … -o /tmp/trace"`);
  const temporary = mkdtempSync(join(PROJECT_ROOT, folder, "new-"));
  try {
    process.stdout.write(shell(line.replace("/tmp/trace", join(temporary, "trace"))));
    const trace = join(PROJECT_ROOT, folder, "trace");
    rmSync(trace, { recursive: true, force: true });
    renameSync(join(temporary, "trace"), trace);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  const command = `./stp run ${folder}/probe.c`;
  const output = shell(command);
  const block = new RegExp(`(^\`\`\`sh\\n${command.replaceAll(".", "\\.")}\\n\`\`\`\\n(?:(?!\`\`\`)[^\\n]*\\n)*?\`\`\`\\n)[^]*?(^\`\`\`$)`, "m");
  if (!block.test(text)) throw new Error(`${page} does not show what "${command}" prints`);
  writeFileSync(join(PROJECT_ROOT, folder, "output.txt"), output);
  writeFileSync(page, text.replace(block, (_, before: string, end: string) => before + output + end));
}

const wanted = process.argv.slice(2);
for (const name of readdirSync(join(PROJECT_ROOT, "examples")).sort()) {
  const folder = `examples/${name}`;
  if (!existsSync(join(PROJECT_ROOT, folder, "trace")) || (wanted.length > 0 && !wanted.some((part) => name.startsWith(part)))) continue;
  process.stdout.write(`${folder}\n`);
  record(folder);
}
