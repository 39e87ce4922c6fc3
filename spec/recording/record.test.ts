import { describe, expect, it } from "vitest";
import { decodeEvent, encodeEvent, EVENT_SIZE, type StpLook } from "./event.ts";
import { encodeRecord, HEADER_SIZE, recordSize } from "./record.ts";

describe("encodeRecord", () => {
  it("T1: gives header, payload and zeros to a multiple of 8, byte for byte", () => {
    const bytes = encodeRecord({ cpu: 0x102, context: "nmi", type: "print", probe: 5, sequence: 0x1122334455667788n, time_ns: (1n << 64n) - 2n, payload: Buffer.from("hi\n") });
    expect(Buffer.from(bytes).toString("hex")).toBe(
      ["53545031", "03000000", "0201", "03", "01", "05000000", "8877665544332211", "feffffffffffffff", "68690a0000000000"].join(""),
    );
  });
});

describe("recordSize", () => {
  it.each([[0, 0], [1, 8], [8, 8], [9, 16]])("of a payload of %d bytes is the header and %d bytes", (payload_size, padded) => {
    expect(recordSize(payload_size)).toBe(HEADER_SIZE + padded);
  });
});

describe("decodeEvent", () => {
  it("gives back what encodeEvent was given, 64-bit arguments exact", () => {
    const looks: StpLook[] = [
      { kind: "user_string", key: (1n << 64n) - 1n, detail: 0xffffffff, value: Buffer.from("/etc/passwd") },
      { kind: "member", key: 0n, detail: 1, value: new Uint8Array(8) },
      { kind: "user", key: 7n, detail: 4, value: "EFAULT" },
      { kind: "stack", key: 0n, detail: 0, value: new Uint8Array() },
    ].map((look) => ({ ...look, value: typeof look.value === "string" ? look.value : new Uint8Array(look.value) }) as StpLook);
    const args = [0n, 1n, (1n << 64n) - 1n, 0xffff888000000001n, 5n, 6n];
    const event = { pid: 1, tid: 0xffffffff, uid: 1000, comm: "kworker/0:1-ev", args, time_ns: (1n << 64n) - 2n, order: 0xfffffffe, flags: 5, looks };
    expect(decodeEvent(encodeEvent(event))).toEqual(event);
  });

  it("reads a comm without NUL to its end and one that is not UTF-8 with U+FFFD", () => {
    const payload = encodeEvent({ pid: 1, tid: 1, uid: 0, comm: "", args: [] });
    payload.fill(0x61, 16, 32);
    expect(decodeEvent(payload)?.comm).toBe("a".repeat(16));
    payload[16] = 0xff;
    expect(decodeEvent(payload)?.comm).toBe(`\ufffd${"a".repeat(15)}`);
  });

  it("is undefined if it is not whole: any byte less or more, a look that reaches behind the end, an unknown kind or error", () => {
    const payload = encodeEvent({ pid: 1, tid: 1, uid: 0, comm: "", args: [], looks: [{ kind: "user_string", key: 1n, detail: 0, value: Buffer.from("abc") }] });
    expect(payload.length).toBe(EVENT_SIZE + 24 + 8);
    for (let size = 0; size < payload.length; size++) expect(decodeEvent(payload.subarray(0, size))).toBeUndefined();
    expect(decodeEvent(Buffer.concat([payload, new Uint8Array(8)]))).toBeUndefined();
    for (const [at, byte] of [[0, 0], [0, 99], [2, 99], [2, 9], [4, 9], [7, 0x80]] as const) {
      const damaged = Uint8Array.from(payload);
      damaged[EVENT_SIZE + at] = byte;
      expect(decodeEvent(damaged), `byte ${at} of the look`).toBeUndefined();
    }
  });
});
