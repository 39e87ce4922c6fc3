/** Names that somebody may have meant. */
import { distance } from "fastest-levenshtein";

/** The `count` names nearest to `name`, nearest first, each once; ties in the order given. */
export function nearest(name: string, names: readonly string[], count = 3): string[] {
  return [...new Set(names)]
    .map((candidate) => ({ candidate, distance: distance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}
