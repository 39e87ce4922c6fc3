import { expect, test } from "vitest";
import { dependencyOrder, moduleDepends } from "./drivers.ts";

const graph: Record<string, readonly string[]> = {
  virtio_pci: ["virtio", "legacy", "modern"],
  legacy: ["virtio"],
  modern: ["virtio"],
  virtio: ["ring"],
  ring: [],
  console: ["virtio", "ring"],
};
const dependsOn = async (name: string): Promise<readonly string[]> => graph[name] ?? [];

test("dependencyOrder puts each module once, after all that it depends on", async () => {
  const order = await dependencyOrder(["virtio_pci", "console"], dependsOn);
  expect([...order].sort()).toEqual(Object.keys(graph).sort());
  for (const [name, dependencies] of Object.entries(graph))
    for (const dependency of dependencies) expect(order.indexOf(dependency)).toBeLessThan(order.indexOf(name));
});

test("dependencyOrder of modules that depend on each other throws", async () => {
  await expect(dependencyOrder(["a"], async (name) => [name === "a" ? "b" : "a"])).rejects.toThrow("a → b → a");
});

test("moduleDepends reads names with dashes as the kernel spells them", () => {
  const modinfo = (depends: string): Buffer => Buffer.from(`\x7fELF\0license=GPL\0depends=${depends}\0name=x\0`);
  expect(moduleDepends(modinfo("virtio,virtio-ring"))).toEqual(["virtio", "virtio_ring"]);
  expect(moduleDepends(modinfo(""))).toEqual([]);
  expect(() => moduleDepends(Buffer.from("text"))).toThrow("not a kernel module");
});
