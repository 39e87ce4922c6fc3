/// <reference lib="dom" />
/**
 * A wasm module instantiated under `@wasmer/wasi`, with nothing but an in-memory file system.
 *
 * It never gives the module arguments, environment, or a file of the host.
 * Siblings: compile.ts makes the modules; machine.ts runs instrumented ones.
 */
import wasmer from "@wasmer/wasi";

/** What crosses the wasm boundary; `undefined` is a function without a result. */
export type WasmValue = number | bigint | undefined;
export type WasmFunction = (...args: (number | bigint)[]) => WasmValue;

/** Host functions by module and name, e.g. `{ env: { yield() {} } }`. */
export type WasmImports = Readonly<Record<string, Readonly<Record<string, WasmFunction | ((...args: never[]) => WasmValue | void)>>>>;

let wasiReady: Promise<void> | undefined;

/**
 * Compiles and instantiates a reactor module and runs its `_initialize`.
 * Throws what WebAssembly throws: for a module that we built, a failure is a bug.
 */
export async function instantiate(wasm: Uint8Array | WebAssembly.Module, imports: WasmImports = {}): Promise<WasmInstance> {
  wasiReady ??= wasmer.init();
  await wasiReady;
  const module = wasm instanceof WebAssembly.Module ? wasm : await WebAssembly.compile(wasm as BufferSource);
  const wasi = new wasmer.WASI({ args: [], env: {} });
  const usesWasi = WebAssembly.Module.imports(module).some((wanted) => wanted.module.startsWith("wasi_"));
  // @wasmer/wasi refuses a module that imports nothing of it.
  const { exports } = usesWasi ? wasi.instantiate(module, imports) : await WebAssembly.instantiate(module, imports as WebAssembly.Imports);
  const instance = new WasmInstance(exports, wasi);
  instance.func("_initialize")();
  return instance;
}

/** Typed access to an instance's exports, memory and in-memory files. */
export class WasmInstance {
  readonly exports: WebAssembly.Exports;
  readonly memory: WebAssembly.Memory;
  readonly #wasi: wasmer.WASI;
  #bytes: Uint8Array;
  #words: Uint32Array;
  #data: DataView;

  constructor(exports: WebAssembly.Exports, wasi: wasmer.WASI) {
    const memory = exports["memory"];
    if (!(memory instanceof WebAssembly.Memory)) throw new Error("The wasm module exports no memory");
    this.exports = exports;
    this.memory = memory;
    this.#wasi = wasi;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#words = new Uint32Array(memory.buffer);
    this.#data = new DataView(memory.buffer);
  }

  /** Memory as bytes. Valid until the module next runs: growth detaches a view, and this makes a new one. */
  get bytes(): Uint8Array {
    if (this.#bytes.length === 0) this.#view();
    return this.#bytes;
  }

  /** Memory as 32-bit words; index = address / 4. Valid as `bytes` is. */
  get words(): Uint32Array {
    if (this.#words.length === 0) this.#view();
    return this.#words;
  }

  /** Memory for reads of any type and alignment. Valid as `bytes` is. */
  get data(): DataView {
    if (this.#bytes.length === 0) this.#view();
    return this.#data;
  }

  /** An exported function. Throws if there is none of that name. */
  func(name: string): WasmFunction {
    const found = this.exports[name];
    if (typeof found !== "function") throw new Error(`The wasm module exports no function ${name}`);
    return found as WasmFunction;
  }

  /** An exported function, or undefined. */
  funcIfAny(name: string): WasmFunction | undefined {
    return name in this.exports ? this.func(name) : undefined;
  }

  /** Address of an exported C object. Throws if there is none of that name. */
  address(name: string): number {
    const found = this.exports[name];
    if (!(found instanceof WebAssembly.Global)) throw new Error(`The wasm module exports no object ${name}`);
    return Number(found.value);
  }

  /** NUL-terminated string at an address. */
  string(address: number): string {
    const bytes = this.bytes;
    return new TextDecoder().decode(bytes.subarray(address, bytes.indexOf(0, address)));
  }

  /** Contents of an in-memory file that the module wrote, or undefined. */
  readFile(path: string): Uint8Array | undefined {
    try {
      return this.#wasi.fs.open(path, { read: true }).read();
    } catch {
      return undefined;
    }
  }

  /** What the module has written to stdout since the last call. */
  stdout(): string {
    return this.#wasi.getStdoutString();
  }

  /** What the module has written to stderr since the last call. */
  stderr(): string {
    return this.#wasi.getStderrString();
  }

  #view(): void {
    this.#bytes = new Uint8Array(this.memory.buffer);
    this.#words = new Uint32Array(this.memory.buffer);
    this.#data = new DataView(this.memory.buffer);
  }
}
