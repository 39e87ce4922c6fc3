import { expect, test } from "vitest";
import { MODE_DIRECTORY, MODE_FILE, packCpio, type CpioEntry } from "./cpio.ts";

/** A reader of its own, written from the format's description. */
function unpackCpio(archive: Uint8Array): CpioEntry[] {
  const bytes = Buffer.from(archive);
  const entries: CpioEntry[] = [];
  for (let at = 0; ; ) {
    expect(bytes.toString("latin1", at, at + 6)).toBe("070701");
    const field = (index: number): number => parseInt(bytes.toString("latin1", at + 6 + 8 * index, at + 14 + 8 * index), 16);
    const nameEnd = at + 110 + field(11);
    expect(bytes[nameEnd - 1]).toBe(0);
    const path = bytes.toString("utf8", at + 110, nameEnd - 1);
    const start = Math.ceil(nameEnd / 4) * 4;
    const end = start + field(6);
    if (path === "TRAILER!!!") {
      expect(Math.ceil(end / 4) * 4).toBe(bytes.length);
      return entries;
    }
    entries.push({ path, mode: field(1), contents: new Uint8Array(bytes.subarray(start, end)) });
    at = Math.ceil(end / 4) * 4;
  }
}

test("packCpio with names and contents of every length modulo 4 is read back unchanged", () => {
  const entries: CpioEntry[] = [{ path: "d", mode: MODE_DIRECTORY | 0o755, contents: new Uint8Array() }];
  for (let length = 0; length < 5; length++)
    for (let size = 0; size < 5; size++)
      entries.push({ path: `d/${"n".repeat(length + 1)}${size}`, mode: MODE_FILE | 0o644, contents: new Uint8Array(size).fill(size) });
  expect(unpackCpio(packCpio(entries))).toEqual(entries);
});
