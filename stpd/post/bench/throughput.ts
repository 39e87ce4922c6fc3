/**
 * How fast a recording becomes text: `npx tsx stpd/post/bench/throughput.ts [MB] [PAYLOAD_BYTES] [--json]`.
 *
 * Makes a recording of 4 CPUs, prints it to a file several times, and prints machine, figures and spread.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { recordSize } from "../../../spec/recording/record.ts";
import { postprocess } from "../post.ts";
import { dataOf, jsonManifest, recordsOf, writeRecording } from "../testing.ts";

const CPUS = 4;
const RUNS = 7;
const [megabytes = "200", payload_size = "72"] = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));
const json = process.argv.includes("--json");

const records = Math.floor((Number(megabytes) * 1e6) / CPUS / recordSize(Number(payload_size)));
const text = `${"x".repeat(Number(payload_size) - 1)}\n`;
const directory = await mkdtemp(join(tmpdir(), "stp-bench-"));
try {
  const files = Array.from({ length: CPUS }, (_, cpu) =>
    dataOf(recordsOf(cpu, Array.from({ length: records }, (_, i) => ({ text, time_ns: BigInt(i * 1000 + ((i * 7919 + cpu * 271) % 997)) })))),
  );
  const bytes = files.reduce((total, file) => total + file.length, 0);
  await writeRecording(directory, files, jsonManifest(files.map(() => records)));
  files.length = 0;
  console.log(`${cpus()[0]?.model}, node ${process.version}, ${bytes} bytes, ${records * CPUS} records, payload ${payload_size}${json ? ", JSON" : ""}`);
  for (let run = 0; run < RUNS; run++) {
    const out = openSync(join(directory, "out"), "w");
    const begin = performance.now();
    const cpu = process.cpuUsage();
    const result = await postprocess(directory, { json, write: (block) => void writeSync(out, block), report: console.error });
    const { user, system } = process.cpuUsage(cpu);
    const seconds = (performance.now() - begin) / 1000;
    closeSync(out);
    console.log(`${(bytes / 1e6 / seconds).toFixed(0)} MB/s wall, ${(bytes / (user + system)).toFixed(0)} MB/s of CPU time, ok ${result.ok}`);
  }
  console.log(`resident at most ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB, making the recording included`);
} finally {
  await rm(directory, { recursive: true, force: true });
}
