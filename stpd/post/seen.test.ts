/** The symbols that are kept with an example. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { encodeEvent } from "../../spec/recording/event.ts";
import { postprocess } from "./post.ts";
import { keepSeenSymbols } from "./seen.ts";
import { dataOf, jsonManifest, recordsOf, writeRecording } from "./testing.ts";

const directory = await mkdtemp(join(tmpdir(), "test-of-seen-"));
afterAll(() => rm(directory, { recursive: true }));

async function printed(): Promise<string> {
  let text = "";
  await postprocess(directory, { write: (bytes) => void (text += Buffer.from(bytes).toString()), report: () => {} });
  return text;
}

test("only the functions of backtraces stay, printed or recorded, and the names are the same", async () => {
  const frames = new BigUint64Array([0xffffffff81000204n, 0n]);
  const event = encodeEvent({ pid: 1, tid: 1, uid: 0, comm: "c", args: [], looks: [{ kind: "stack", key: 0n, detail: 0, value: new Uint8Array(frames.buffer) }] });
  const texts = ["<stack 0xffffffff81000004 0xffffffffc0000008 0x5>\n", "<stack 0xffffffffc0000008>\n"];
  await writeRecording(directory, [dataOf(recordsOf(0, [{ text: texts[0]!, time_ns: 5n }, { type: "event", payload: event, time_ns: 6n }, { text: texts[1]!, time_ns: 9n }]))], { ...jsonManifest([3]), addresses: 1 });
  mkdirSync(join(directory, "symbols"));
  const kept = "ffffffff81000000 T first\nffffffff81000200 t third\nffffffffc0000000 t of_new\t[new]\n";
  writeFileSync(join(directory, "symbols/kallsyms"), kept.replace("ffffffff81000200", "ffffffff81000100 T second\nffffffff81000200").concat("ffffffffc0000100 t unused\t[new]\n"));
  writeFileSync(join(directory, "symbols/modules"), "module old 1 7\nffffffffc0000004 t of_old\nmodule new 8 0\n");
  const before = await printed();
  expect(before).toBe("<stack first+0x4 of_old+0x4 [old] 0x5>\n<stack of_new+0x8 [new]>\n");
  await keepSeenSymbols(directory);
  expect(existsSync(join(directory, "symbols/kallsyms"))).toBe(false);
  expect(gunzipSync(readFileSync(join(directory, "symbols/kallsyms-seen.gz"))).toString()).toBe(kept);
  expect(await printed()).toBe(before);
  await keepSeenSymbols(directory); // nothing more to do
  expect(await printed()).toBe(before);
});

test("addresses of kernels that do not lie at the upper end of 64 bits stay, too", async () => {
  const narrow = await mkdtemp(join(tmpdir(), "test-of-seen-"));
  try {
    await writeRecording(narrow, [dataOf(recordsOf(0, [{ text: "<stack 0xc1000004 0x100204>\n" }]))], { ...jsonManifest([1]), addresses: 1 });
    mkdirSync(join(narrow, "symbols"));
    writeFileSync(join(narrow, "symbols/kallsyms"), "0000000000100200 T second\n0000000000100300 T unused\nc1000000 T first\nc1000100 T unused\n");
    await keepSeenSymbols(narrow);
    expect(gunzipSync(readFileSync(join(narrow, "symbols/kallsyms-seen.gz"))).toString()).toBe("0000000000100200 T second\nc1000000 T first\n");
  } finally {
    await rm(narrow, { recursive: true });
  }
});
