/// <reference lib="dom" />
/** The C in wasm as a replay target. Sibling: model.ts; runtime-c/port/wasm32/replay.c is the other side. */
import { sizeOf } from "../spec/layout.ts";
import { runtimeSources, type RuntimeSources } from "../spec/runtime.ts";
import { compileWasm } from "../sim/compile.ts";
import { SANDBOX_LOCK_SPINS_MAX } from "../sim/probe.ts";
import { instantiate, type WasmInstance } from "../sim/wasi.ts";
import { operationsOf, type ReplayTarget, type TargetFactory } from "./target.ts";

const EXPORTS = ["stp_sim_replay_init", "stp_sim_replay_alloc", "stp_sim_replay_run", "stp_sim_replay_dump", "stp_sim_replay_dumped"];

/** Optimized as one piece: a dump calls for each of its words. It takes seconds, which a copy that is run once is not worth. */
const OPTIMIZED = ["-O3", "-flto"];

/** Makes instances of the runtime as it stands, or of a changed copy of it. Throws StpError if it does not compile. */
export async function wasmTargets(changed?: RuntimeSources, report?: (line: string) => void): Promise<TargetFactory> {
  const runtime = changed ?? runtimeSources("wasm32");
  const port = ["hooks", "cpu", "world", "replay"].map((unit) => `runtime-c/port/wasm32/${unit}.c`);
  const { wasm } = await compileWasm({
    sources: runtime.files,
    units: [...runtime.core, ...runtime.replay, ...port],
    includes: runtime.includes,
    defines: { STP_LOCK_SPINS_MAX: String(SANDBOX_LOCK_SPINS_MAX) },
    exports: EXPORTS,
    instrument: false,
    cflags: changed ? [] : OPTIMIZED,
    ...(report ? { report } : {}),
  });
  const module = await WebAssembly.compile(wasm as BufferSource);
  return async () => replayTarget(await instantiate(module, { env: { yield() {} } }));
}

function replayTarget(instance: WasmInstance): ReplayTarget {
  const call = (name: string, ...args: number[]): number => Number(instance.func(name)(...args));
  const init = (): void => {
    const error = call("stp_sim_replay_init");
    if (error !== 0) throw new Error(`The C refuses a replay session (${error})`);
  };
  init();
  return {
    init,
    run: (batch) => {
      const operations = operationsOf(batch);
      const resultsOffset = Math.ceil(batch.length / 8) * 8;
      const resultsSize = operations * sizeOf("op_result");
      const at = call("stp_sim_replay_alloc", resultsOffset + resultsSize);
      if (at === 0) throw new Error(`The sandbox has no memory for a batch of ${batch.length} bytes`);
      instance.bytes.set(batch, at);
      const made = call("stp_sim_replay_run", at, batch.length, at + resultsOffset);
      if (made !== operations) throw new Error(`The C refuses the batch (result ${made}): it is malformed or for another session`);
      return instance.bytes.slice(at + resultsOffset, at + resultsOffset + resultsSize);
    },
    dump: () => {
      const size = call("stp_sim_replay_dump");
      const at = call("stp_sim_replay_dumped");
      return instance.bytes.slice(at, at + size);
    },
  };
}
