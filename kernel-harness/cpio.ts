/** The "newc" cpio format, as the kernel's initramfs wants it. */

export interface CpioEntry {
  /** Path without a leading slash. */
  readonly path: string;
  /** Type and permission bits. */
  readonly mode: number;
  readonly contents: Uint8Array;
}

export const MODE_DIRECTORY = 0o040000;
export const MODE_FILE = 0o100000;

const MAGIC = "070701";
const ALIGNMENT = 4;

/** One archive with the entries in their order, owned by root, with all times zero: equal input, equal bytes. */
export function packCpio(entries: readonly CpioEntry[]): Uint8Array {
  const all = [...entries, { path: "TRAILER!!!", mode: 0, contents: new Uint8Array() }];
  return Buffer.concat(all.flatMap((entry, index) => packEntry(entry, index + 1)));
}

function packEntry({ path, mode, contents }: CpioEntry, inode: number): Uint8Array[] {
  const name = Buffer.from(`${path}\0`);
  const links = mode & MODE_DIRECTORY ? 2 : 1;
  //              inode  mode  uid gid links  mtime size                   device  rdevice  name size  checksum
  const fields = [inode, mode, 0, 0, links, 0, contents.byteLength, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(MAGIC + fields.map((field) => field.toString(16).padStart(8, "0")).join(""));
  return [header, name, padding(header.length + name.length), contents, padding(contents.byteLength)];
}

function padding(size: number): Uint8Array {
  return new Uint8Array((ALIGNMENT - (size % ALIGNMENT)) % ALIGNMENT);
}
