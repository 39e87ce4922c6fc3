/** Kernel functions by address and time. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NAME_SIZE_MAX } from "./functions.ts";
import { KernelSymbols } from "./symbols.ts";

const TEXT = `ffffffff81000000 T _text
ffffffff81000100 T vfs_read
ffffffff81000100 t alias_of_it
ffffffff81000080 t ksys_read\t[module]
0000000000000000 T unknown
`;
const symbols = new KernelSymbols(Buffer.from(TEXT));
const nameIn = (known: KernelSymbols, address: bigint, time_ns = 1n): string | undefined => {
  const found = known.find(address, time_ns);
  return found && `${found.name}+${found.offset}${found.module === undefined ? "" : ` [${found.module}]`}`;
};

describe("a function", () => {
  it("is found from its first byte to the next one's", () => {
    const found = [0xffffffff81000000n, 0xffffffff8100007fn, 0xffffffff81000080n, 0xffffffff810000ffn, 0xffffffff81000100n].map((address) => nameIn(symbols, address));
    expect(found).toEqual(["_text+0", "_text+127", "ksys_read+0 [module]", "ksys_read+127 [module]", "vfs_read+0"]);
    expect(symbols.count).toBe(3);
  });

  it("is not found below the first, far behind the last, or at address 0", () => {
    expect([0n, 5n, 0xffffffff80ffffffn, 0xffffffff81000100n + (1n << 20n)].map((address) => nameIn(symbols, address))).toEqual([undefined, undefined, undefined, undefined]);
    expect(nameIn(symbols, 0xffffffff81000100n + (1n << 20n) - 1n)).toBe("vfs_read+1048575");
    expect(new KernelSymbols(Buffer.alloc(0)).find(1n, 1n)).toBeUndefined();
  });

  it.each([
    ["ffff800008010000", 0xffff800008010004n, "arm64"],
    ["c0100000", 0xc0100004n, "a 32-bit kernel"],
    ["0000000000100000", 0x100004n, "a kernel at low addresses"],
  ])("is found at %s, too (%3$s)", (at, address) => expect(nameIn(new KernelSymbols(Buffer.from(`${at} T f\n`)), address)).toBe("f+4"));

  it("has at most NAME_SIZE_MAX bytes of its name", () => {
    expect(new KernelSymbols(Buffer.from(`c0100000 T ${"x".repeat(NAME_SIZE_MAX + 1)}\n`)).find(0xc0100000n, 1n)?.name).toBe("x".repeat(NAME_SIZE_MAX));
  });

  it("is as the lines say, in any order", () => {
    const lines = fc.uniqueArray(fc.nat(1 << 24), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(lines, fc.nat(1 << 24), (begins, at) => {
        const known = new KernelSymbols(Buffer.from(begins.map((begin) => `${(0xffffffff80001000n + BigInt(begin)).toString(16)} t f${begin}`).join("\n")));
        const expected = Math.max(...begins.filter((begin) => begin <= at));
        expect(nameIn(known, 0xffffffff80001000n + BigInt(at))).toBe(at - expected < 1 << 20 ? `f${expected}+${at - expected}` : undefined);
      }),
    );
  });
});

describe("modules that came and went", () => {
  // old was at c0000000 from 10 to 20, later from 30 on; between, other was there; then other went, too.
  const MODULES = `module old 10 20
c0000000 t old_first
c0000100 t old_last
module other 22 28
c0000010 t other_first
c0000080 t other_last
module old 30 0
module early 0 40
c0008000 t of_early
`;
  const known = new KernelSymbols(Buffer.from("80000000 T core\nc0001000 t old_first\t[old]\nc0001100 t old_last\t[old]\nc0010000 t always\t[stays]\n"), Buffer.from(MODULES));
  const at = (address: bigint, time_ns: bigint): string | undefined => nameIn(known, address, time_ns);

  it("have their functions while they are loaded", () => {
    expect([at(0xc0000104n, 10n), at(0xc0000104n, 19n), at(0xc0000084n, 22n), at(0xc0000104n, 27n)]).toEqual(["old_last+4 [old]", "old_last+4 [old]", "other_last+4 [other]", "other_last+132 [other]"]);
    expect([at(0xc0001104n, 30n), at(0xc0010001n, 1n), at(0xc0008004n, 1n)]).toEqual(["old_last+4 [old]", "always+1 [stays]", "of_early+4 [early]"]);
  });

  it("have none before they were loaded: an address that means nothing yet stays one", () => {
    expect([at(0xc0000104n, 9n), at(0xc0001104n, 29n)]).toEqual([undefined, undefined]);
  });

  it("are remembered until something else is there: of several the latest, for backtraces are often printed late", () => {
    expect([at(0xc0000104n, 20n), at(0xc0000104n, 28n), at(0xc0000004n, 99n), at(0xc0008004n, 40n)]).toEqual(["old_last+4 [old]", "other_last+132 [other]", "old_first+4 [old]", "of_early+4 [early]"]);
  });

  it("give an address outside their last page to what is loaded", () => {
    expect(at(0xc0008fffn, 5n)).toBe("of_early+4095 [early]");
    expect(at(0xc0009000n, 41n)).toBe("old_last+32512 [old]");
  });

  it("change names only between epochs", () => {
    expect([0n, 9n, 10n, 20n, 21n, 22n, 28n, 30n, 39n, 40n, 1000n].map((time) => known.epoch(time))).toEqual([0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 6]);
  });

  it("are cut where the file says so, and only there", () => {
    expect(known.isCut).toBe(false);
    expect(new KernelSymbols(Buffer.alloc(0), Buffer.from(`${MODULES}more\n`)).isCut).toBe(true);
    expect(new KernelSymbols(Buffer.alloc(0), Buffer.from("more\n")).isCut).toBe(true);
  });

  it("never throw, whatever the files hold", () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }).map((some) => Buffer.from(some)), fc.tuple(fc.nat(), fc.nat(255)).map(([place, value]) => {
      const damaged = Buffer.from(MODULES);
      damaged[place % damaged.length] = value;
      return damaged;
    }));
    fc.assert(fc.property(bytes, bytes, (kallsyms, modules) => {
      new KernelSymbols(kallsyms, modules).find(0xc0000004n, 15n);
    }));
  });
});
