// The entry of a thread that runs the TypeScript file `entry` of its data. Plain JavaScript, because a thread knows nothing
// of TypeScript until it is told.
import { workerData } from "node:worker_threads";
import { register } from "tsx/esm/api";

register();
await import(workerData.entry);
