/** What differs between architectures, in one table. Whoever would ask "which architecture is it" asks for a property here. */

export type ArchitectureName = "amd64" | "arm64" | "i386" | "s390x";

export interface Architecture {
  /** Debian's name. */
  readonly name: ArchitectureName;
  /** The kernel's own name for it: ARCH= of its Makefile. */
  readonly arch: string;
  /** Set in the configuration of its kernels, and of no others. */
  readonly config: string;
  /** Folders of a kernel's build tree in which its image is, and that image's names, the one to take first. */
  readonly images: readonly string[];
  readonly littleEndian: boolean;
  readonly bits: 32 | 64;
  /** The machine has another one: where its programs come from. Undefined: the machine's own compiler makes them. */
  readonly toolchain: Toolchain | undefined;
  /** Modules need the cross compiler too. i386's are made by amd64's, with -m32. */
  readonly crossModules: boolean;
  readonly qemu: Qemu;
  /** One CPU can send another an nmi. */
  readonly hasNmi: boolean;
  /** Clock source that never steps back under load in TCG, if it is not the usual one. */
  readonly steadyClock: string | undefined;
  /** Values of Node's process.arch on which KVM can run it. */
  readonly hosts: readonly NodeJS.Architecture[];
}

export interface Toolchain {
  /** Begins the name of each of its programs: `aarch64-linux-gnu-gcc-12`. */
  readonly prefix: string;
  /** Debian packages of the compiler and of a C library with its headers. */
  readonly packages: readonly string[];
}

export interface Qemu {
  readonly program: string;
  readonly package: string;
  /** Unpacked into the cache if it is not there. The common one is left to be installed: distributions tune it for KVM. */
  readonly fetched: boolean;
  /** -M and what else the board needs; the CPU for TCG. */
  readonly machine: readonly string[];
  /** Added for a kernel that watches each of its allocations, which makes some boards slow. */
  readonly watched: readonly string[];
  /** What the guest takes for its console. */
  readonly console: string;
  /** Built into a kernel that has it. */
  readonly consoleConfig: string;
  /** Last part of the names of virtio devices: virtio-serial-pci. */
  readonly bus: "pci" | "ccw";
  /** Modules of the report port, if they are not built in. */
  readonly drivers: readonly string[];
  /** Arguments for the kernel that only this architecture knows. */
  readonly kernel: readonly string[];
}

const X86 = {
  program: "qemu-system-x86_64",
  package: "qemu-system-x86",
  fetched: false,
  machine: ["-cpu", "max"],
  // The usual board, which boots a little faster, has ACPI compute its interrupts in a loop: half a minute of allocations.
  watched: ["-M", "q35"],
  console: "ttyS0",
  consoleConfig: "CONFIG_SERIAL_8250_CONSOLE",
  bus: "pci",
  drivers: ["virtio_pci", "virtio_console"],
  // No time lost on finding out what QEMU is known to be.
  kernel: ["edd=off", "no_timer_check"],
} as const satisfies Qemu;

const crossPackages = (compiler: string, libraries: string): string[] => [`gcc-12-${compiler}`, `libc6-dev-${libraries}-cross`];

export const ARCHITECTURES: Readonly<Record<ArchitectureName, Architecture>> = {
  amd64: {
    name: "amd64",
    arch: "x86_64",
    config: "CONFIG_X86_64",
    images: ["arch/x86/boot/bzImage", "bzImage"],
    littleEndian: true,
    bits: 64,
    toolchain: undefined,
    crossModules: false,
    qemu: X86,
    hasNmi: true,
    steadyClock: "acpi_pm",
    hosts: ["x64"],
  },
  arm64: {
    name: "arm64",
    arch: "arm64",
    config: "CONFIG_ARM64",
    images: ["arch/arm64/boot/Image", "arch/arm64/boot/Image.gz", "Image", "Image.gz"],
    littleEndian: true,
    bits: 64,
    toolchain: { prefix: "aarch64-linux-gnu-", packages: crossPackages("aarch64-linux-gnu", "arm64") },
    crossModules: true,
    qemu: {
      program: "qemu-system-aarch64",
      package: "qemu-system-arm",
      fetched: true,
      // Not the newest CPU: signed pointers are slow in TCG. This one has the atomic instructions, which are fast.
      machine: ["-M", "virt,gic-version=3", "-cpu", "cortex-a76"],
      watched: [],
      console: "ttyAMA0",
      consoleConfig: "CONFIG_SERIAL_AMBA_PL011_CONSOLE",
      bus: "pci",
      drivers: ["virtio_pci", "virtio_console"],
      kernel: [],
    },
    hasNmi: false,
    steadyClock: undefined,
    hosts: ["arm64"],
  },
  i386: {
    name: "i386",
    arch: "i386",
    config: "CONFIG_X86_32",
    images: ["arch/x86/boot/bzImage", "bzImage"],
    littleEndian: true,
    bits: 32,
    toolchain: { prefix: "i686-linux-gnu-", packages: crossPackages("i686-linux-gnu", "i386") },
    crossModules: false,
    qemu: X86,
    hasNmi: true,
    steadyClock: "acpi_pm",
    hosts: ["x64", "ia32"],
  },
  s390x: {
    name: "s390x",
    arch: "s390",
    config: "CONFIG_S390",
    images: ["arch/s390/boot/bzImage", "bzImage"],
    littleEndian: false,
    bits: 64,
    toolchain: { prefix: "s390x-linux-gnu-", packages: crossPackages("s390x-linux-gnu", "s390x") },
    crossModules: true,
    qemu: {
      program: "qemu-system-s390x",
      package: "qemu-system-misc",
      fetched: true,
      machine: ["-M", "s390-ccw-virtio", "-cpu", "max"],
      watched: [],
      console: "ttysclp0",
      consoleConfig: "CONFIG_SCLP_CONSOLE",
      bus: "ccw",
      drivers: ["virtio_console"],
      kernel: [],
    },
    hasNmi: false,
    steadyClock: undefined,
    hosts: ["s390x"],
  },
};
