/**
 * The part of a recording's symbols that its backtraces need: small enough to be kept with an example.
 *
 * Siblings: symbols.ts reads them; trace.ts reads the same recordings.
 */
import { existsSync, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { RECORD_TYPES } from "../../spec/protocol.ts";
import { decodeEvent } from "../../spec/recording/event.ts";
import { readManifest } from "../../spec/recording/manifest.ts";
import { closeDataFiles, openDataFiles } from "./files.ts";
import { Merge } from "./merge.ts";
import { RecordReader } from "./reader.ts";
import { KernelSymbols } from "./symbols.ts";
import { FileWindow } from "./window.ts";

/** Leaves of `symbols/kallsyms`, if there is one, what the recording needs, as `symbols/kallsyms-seen.gz`. */
export async function keepSeenSymbols(directory: string): Promise<void> {
  const all = join(directory, "symbols/kallsyms");
  if (!existsSync(all)) return;
  await writeFile(join(directory, "symbols/kallsyms-seen.gz"), gzipSync(await seenSymbols(directory)));
  await rm(all);
}

/** Lines of `symbols/kallsyms` that hold an address of a backtrace, printed or recorded. */
async function seenSymbols(directory: string): Promise<string> {
  const text = readFileSync(join(directory, "symbols/kallsyms"), "latin1");
  const symbols = new KernelSymbols(text);
  const names = new Set<string>();
  for (const address of await seenAddresses(directory)) {
    const symbol = symbols.find(address);
    if (symbol) names.add(`${(address - symbol.offset).toString(16).padStart(16, "0")} ${symbol.name}`);
  }
  return text.split("\n").filter((line) => names.has(line.replace(/^([0-9a-f]+) \w (\S+).*$/, "$1 $2"))).map((line) => `${line}\n`).join("");
}

async function seenAddresses(directory: string): Promise<ReadonlySet<bigint>> {
  const manifest = await readManifest(directory);
  const files = await openDataFiles(directory, manifest.cpus, () => {});
  const seen = new Set<bigint>();
  try {
    const merge = new Merge(files.map(({ cpu, handle }) => new RecordReader(cpu, new FileWindow(handle.fd), () => {})), () => {});
    for (let record = merge.next(); record; record = merge.next()) {
      if (record.type_code === RECORD_TYPES.print) {
        const text = record.bytes.toString("latin1", record.payload_begin, record.payload_begin + record.payload_size);
        for (const [address] of text.matchAll(/\b0x[0-9a-f]{16}\b/g)) seen.add(BigInt(address));
      } else {
        for (const { kind, value } of decodeEvent(record.payload)?.looks ?? []) if (kind === "stack" && typeof value !== "string") for (const address of new BigUint64Array(value.slice().buffer)) seen.add(address);
      }
    }
  } finally {
    await closeDataFiles(files);
  }
  return seen;
}
