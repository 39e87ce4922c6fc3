/**
 * Snapshots of a machine: linear memory, mutable wasm globals, and where each context is.
 *
 * Contexts may be suspended, as their stacks are in linear memory. Files of the in-memory file system and buffered
 * stdio of the host side are not part of it.
 * Siblings: machine.ts
 */
import type { Machine, MachineState } from "./machine.ts";

export interface Snapshot {
  readonly memory: Uint8Array;
  readonly globals: readonly { readonly global: WebAssembly.Global; readonly value: unknown }[];
  readonly state: MachineState;
}

/** Takes a snapshot. Call it between steps. One that is no longer needed may be given for its memory. */
export function takeSnapshot(machine: Machine, old?: Snapshot): Snapshot {
  const { bytes } = machine.instance;
  let memory = old?.memory;
  if (memory?.length === bytes.length) memory.set(bytes);
  else memory = bytes.slice();
  return { memory, globals: mutableGlobals(machine).map((global) => ({ global, value: global.value as unknown })), state: machine.saveState() };
}

/** Puts the machine back. It may be repeated; memory that has grown since stays, zeroed. */
export function restoreSnapshot(machine: Machine, snapshot: Snapshot): void {
  const bytes = machine.instance.bytes;
  bytes.set(snapshot.memory);
  bytes.fill(0, snapshot.memory.length);
  for (const { global, value } of snapshot.globals) global.value = value;
  machine.restoreState(snapshot.state);
}

const globalsOf = new WeakMap<Machine, WebAssembly.Global[]>();

function mutableGlobals(machine: Machine): readonly WebAssembly.Global[] {
  let globals = globalsOf.get(machine);
  if (!globals) {
    globals = Object.values(machine.instance.exports).filter((value): value is WebAssembly.Global => value instanceof WebAssembly.Global && isMutable(value));
    globalsOf.set(machine, globals);
  }
  return globals;
}

function isMutable(global: WebAssembly.Global): boolean {
  try {
    global.value = global.value as unknown;
    return true;
  } catch {
    return false; // the addresses of exported C objects
  }
}
