/** For tests: benches of the runtime and of broken copies of it. */
import { runtimeSources, type RuntimeSources } from "../../spec/runtime.ts";
import { loadModel } from "../model.ts";
import { Bench, compileConcurrent } from "./bench.ts";
import { Judge } from "./judge.ts";

/** A change of one place of the C. */
export interface Break {
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/** The C with that one place changed. Throws if it is not there exactly once: then the test is stale. */
export function broken({ path, from, to }: Break): RuntimeSources {
  const runtime = runtimeSources("wasm32");
  const text = runtime.files[path] ?? "";
  const times = text.split(from).length - 1;
  if (times !== 1) throw new Error(`${path} has ${times} times "${from}", not once`);
  return { ...runtime, files: { ...runtime.files, [path]: text.replace(from, () => to) } };
}

export async function benchOf(runtime?: RuntimeSources): Promise<{ readonly bench: Bench; readonly judge: Judge }> {
  const bench = await Bench.create(await compileConcurrent(runtime ? { runtime } : {}));
  return { bench, judge: new Judge(bench, await loadModel()) };
}
