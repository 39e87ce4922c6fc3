/**
 * The part of a recording's symbols that its backtraces need: small enough to be kept with an example.
 *
 * Siblings: symbols.ts reads them; trace.ts reads the same recordings.
 */
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { RECORD_TYPES } from "../../spec/protocol.ts";
import { decodeEvent } from "../../spec/recording/event.ts";
import { readManifest } from "../../spec/recording/manifest.ts";
import { DataFiles } from "./files.ts";
import { Merge } from "./merge.ts";
import { KernelSymbols, readSymbolFile } from "./symbols.ts";

/** Leaves of `symbols/kallsyms`, if there is one, what the recording needs, as `symbols/kallsyms-seen.gz`. */
export async function keepSeenSymbols(directory: string): Promise<void> {
  const all = join(directory, "symbols/kallsyms");
  if (!existsSync(all)) return;
  await writeFile(join(directory, "symbols/kallsyms-seen.gz"), gzipSync(await seenSymbols(directory)));
  await rm(all);
}

/** Lines of `symbols/kallsyms` that hold an address of a backtrace, printed or recorded, at the time of its record. */
async function seenSymbols(directory: string): Promise<string> {
  const kallsyms = readSymbolFile(directory, "symbols/kallsyms");
  const symbols = new KernelSymbols(kallsyms, readSymbolFile(directory, "symbols/modules"));
  const names = new Set<string>();
  await eachAddress(directory, (address, time_ns) => {
    const symbol = symbols.find(address, time_ns);
    if (symbol) names.add(`${(address - BigInt(symbol.offset)).toString(16)} ${symbol.name}`);
  });
  const lines = kallsyms.toString("latin1").split("\n");
  return lines.filter((line) => names.has(line.replace(/^0*([0-9a-f]+) \w (\S+).*$/, "$1 $2"))).map((line) => `${line}\n`).join("");
}

async function eachAddress(directory: string, see: (address: bigint, time_ns: bigint) => void): Promise<void> {
  const manifest = await readManifest(directory);
  const files = new DataFiles(directory, manifest.cpus, () => {});
  try {
    const merge = new Merge(files.readers, () => {});
    for (let record = merge.next(); record; record = merge.next()) {
      if (record.type_code === RECORD_TYPES.print) {
        const text = record.bytes.toString("latin1", record.payload_begin, record.payload_begin + record.payload_size);
        for (const [address] of text.matchAll(/\b0x[0-9a-f]{1,16}\b/g)) see(BigInt(address), record.time_ns);
      } else {
        for (const { kind, value } of decodeEvent(record.payload)?.looks ?? []) if (kind === "stack" && typeof value !== "string") for (const address of new BigUint64Array(value.slice().buffer)) see(address, record.time_ns);
      }
    }
  } finally {
    files.close();
  }
}
