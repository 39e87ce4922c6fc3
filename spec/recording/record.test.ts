import { describe, expect, it } from "vitest";
import { decodeEvent, encodeEvent, EVENT_SIZE } from "./event.ts";
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
    const event = { pid: 1, tid: 0xffffffff, uid: 1000, comm: "kworker/0:1-ev", args: [0n, 1n, (1n << 64n) - 1n, 0xffff888000000001n, 5n, 6n] };
    expect(decodeEvent(encodeEvent(event))).toEqual(event);
  });

  it("reads a comm without NUL to its end and one that is not UTF-8 with U+FFFD", () => {
    const payload = encodeEvent({ pid: 1, tid: 1, uid: 0, comm: "", args: [] });
    payload.fill(0x61, 16, 32);
    expect(decodeEvent(payload)?.comm).toBe("a".repeat(16));
    payload[16] = 0xff;
    expect(decodeEvent(payload)?.comm).toBe(`\ufffd${"a".repeat(15)}`);
  });

  it("is undefined for any other size", () => {
    expect(decodeEvent(new Uint8Array(EVENT_SIZE - 1))).toBeUndefined();
    expect(decodeEvent(new Uint8Array(EVENT_SIZE + 8))).toBeUndefined();
  });
});
