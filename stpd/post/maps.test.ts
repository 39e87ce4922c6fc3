/** Which mapping a process had at a time. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FORKS_MAX, MAPPINGS_SCANNED_MAX, Processes } from "./maps.ts";

const processes = (...lines: string[]): Processes => new Processes(Buffer.from(lines.map((line) => `${line}\n`).join("")));
const at = (known: Processes, pid: number, address: bigint, time_ns: bigint): string | undefined => {
  const found = known.find(pid, Number(address), time_ns);
  return found && `${found.file.path}@${found.start.toString(16)}+${found.offset}`;
};

describe("a process", () => {
  const known = processes(
    "100 7 map 400000 402000 1000 aabb /bin/sh",
    "100 7 map 7f0000000000 7f0000001000 0 ccdd /lib/libc.so.6",
    "300 8 exec cat",
    "310 8 map 400000 402000 0 - /bin/cat",
    "200 7 fork 8", // of another CPU, so out of order
    "400 8 exit",
    "500 7 fork 8",
    "600 7 map 400000 401000 0 - /bin/newer",
    "700 7 exit",
  );

  it("has a mapping from its time on, up to its last byte", () => {
    expect([at(known, 7, 0x400000n, 99n), at(known, 7, 0x400000n, 100n), at(known, 7, 0x401fffn, 599n), at(known, 7, 0x402000n, 599n)]).toEqual([undefined, "/bin/sh@400000+4096", "/bin/sh@400000+4096", undefined]);
    expect(known.find(7, 0x400000, 100n)?.file.build_id).toBe("aabb");
  });

  it("has the later of two mappings", () => expect([at(known, 7, 0x400000n, 600n), at(known, 7, 0x401000n, 600n)]).toEqual(["/bin/newer@400000+0", "/bin/sh@400000+4096"]));

  it("has its parent's mappings up to the fork, until it runs another program", () => {
    expect([at(known, 8, 0x400000n, 199n), at(known, 8, 0x400000n, 200n), at(known, 8, 0x400000n, 305n), at(known, 8, 0x400000n, 310n), at(known, 8, 0x7f0000000000n, 310n)]).toEqual([undefined, "/bin/sh@400000+4096", undefined, "/bin/cat@400000+0", undefined]);
  });

  it("is remembered when it has exited, until its pid is used again", () => {
    expect([at(known, 8, 0x400000n, 450n), at(known, 8, 0x400000n, 500n), at(known, 8, 0x400000n, 9999n), at(known, 7, 0x401000n, 9999n)]).toEqual(["/bin/cat@400000+0", "/bin/sh@400000+4096", "/bin/sh@400000+4096", "/bin/sh@400000+4096"]);
  });

  it("is not remembered over a loss, for its pid may have been used again; one that lives is", () => {
    const lossy = processes("1 7 map 1000 2000 0 - /a", "1 8 map 1000 2000 0 - /b", "5 7 exit", "6 0 lost 2", "9 0 lost 3");
    expect([at(lossy, 7, 0x1000n, 5n), at(lossy, 7, 0x1000n, 6n), at(lossy, 8, 0x1000n, 9n), lossy.lost]).toEqual(["/a@1000+0", undefined, "/b@1000+0", 5n]);
  });

  it("has paths with any bytes but a line's end", () => expect(at(processes("1 7 map 1000 2000 0 - /a b/\xff map (deleted)"), 7, 0x1000n, 1n)?.startsWith("/a b/")).toBe(true));
});

describe("limits", () => {
  it("lines beyond the limit are not known, and it says so", () => {
    const bytes = Buffer.from("1 7 map 1000 2000 0 - /a\n2 7 map 3000 4000 0 - /b\n");
    const [cut, whole] = [new Processes(bytes, 1), new Processes(bytes, 2)];
    expect([cut.isCut, at(cut, 7, 0x1000n, 9n), at(cut, 7, 0x3000n, 9n)]).toEqual([true, "/a@1000+0", undefined]);
    expect([whole.isCut, at(whole, 7, 0x3000n, 9n)]).toEqual([false, "/b@3000+0"]);
  });

  it("of a row of forks the last FORKS_MAX are followed", () => {
    const forks = Array.from({ length: FORKS_MAX }, (_, i) => `2 ${i} fork ${i + 1}`);
    const known = processes("1 0 map 1000 2000 0 - /a", ...forks);
    expect([at(known, FORKS_MAX - 1, 0x1000n, 9n), at(known, FORKS_MAX, 0x1000n, 9n)]).toEqual(["/a@1000+0", undefined]);
  });

  it("of a program's mappings the last MAPPINGS_SCANNED_MAX are looked at", () => {
    const later = Array.from({ length: MAPPINGS_SCANNED_MAX }, (_, i) => `${i + 2} 7 map ${(0x10000 + i * 0x1000).toString(16)} ${(0x11000 + i * 0x1000).toString(16)} 0 - /b`);
    const known = processes("1 7 map 1000 2000 0 - /a", ...later);
    const times = BigInt(MAPPINGS_SCANNED_MAX);
    expect([at(known, 7, 0x1000n, times), at(known, 7, 0x1000n, times + 1n)]).toEqual(["/a@1000+0", undefined]);
  });
});

it("lines that are none are left out, and nothing throws", () => {
  const known = processes("", "x", "1 7 map 2000 1000 0 - /backwards", "1 7 map fffffffffffff000 ffffffffffffffff ffffffffffffffff - /far", "1 7 map 1000 2000 0 zz /no-id", "1 7 map 1000 2000 0 -", "1 7 fork", "2 7 map 1000 2000 0 - /a");
  expect([at(known, 7, 0x1000n, 2n), at(known, 7, 0x1000n, 1n)]).toEqual(["/a@1000+0", undefined]);
  const number = fc.oneof(fc.nat(20).map(String), fc.constantFrom("99999999999999999999", "ffffffffffffffff", "-", "0", "1000", "2000"));
  const line = fc.oneof(
    fc.array(fc.oneof(number, fc.constantFrom("map", "exec", "fork", "exit", "lost", "/a")), { maxLength: 8 }).map((words) => words.join(" ")),
    fc.tuple(number, number, fc.constantFrom("exec x", "exit", "fork 7", "fork 3", "lost 2")).map((words) => words.join(" ")),
    fc.tuple(number, number, fc.constant("map"), number, number, number, fc.constant("- /a")).map((words) => words.join(" ")),
  );
  fc.assert(fc.property(fc.array(line, { maxLength: 30 }), fc.nat(20), fc.nat(20), (lines, pid, time) => void processes(...lines).find(pid, 0x1000, BigInt(time))));
});
