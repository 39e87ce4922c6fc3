/**
 * One mutant on the machine: prints what fails first of what interleaves, "" if nothing does.
 *
 * `tsx properties/mutant-machine.ts JSON`; a process of its own, which mutant-stages.ts can end.
 */
import { runtimeSources } from "../spec/runtime.ts";
import { plant, type Mutant } from "./mutants.ts";
import { failureOfPrograms } from "./sync-mutate.ts";

const mutant = JSON.parse(process.argv[2]!) as Mutant;
process.stdout.write((await failureOfPrograms(plant(runtimeSources("wasm32"), mutant))) ?? "");
