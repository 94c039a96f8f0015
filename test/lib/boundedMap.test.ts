import { expect, test } from "bun:test";
import fc from "fast-check";
import { BoundedMap } from "../../src/lib/boundedMap.ts";

test("what is asked for stays, the rest goes in time, and its bytes are never more than allowed", () => {
  const gone: string[] = [];
  const memory = new BoundedMap<number>(100, (key) => void gone.push(key));
  memory.set("asked", 1, 10);
  for (let at = 0; at < 50; at += 1) {
    memory.set(`other ${at}`, at, 10);
    expect(memory.get("asked")).toBe(1);
    expect(memory.bytes).toBeLessThanOrEqual(100);
  }
  expect(memory.get("other 0")).toBeUndefined();
  expect(gone).toContain("other 0");
  expect(gone).not.toContain("asked");
});

test("counts as a list of what is there does, and keeps nothing that is too large by itself", () => {
  const acts = fc.array(
    fc.record({
      what: fc.constantFrom("set", "get", "delete"),
      key: fc.constantFrom("a", "b", "c", "d"),
      bytes: fc.integer({ min: 0, max: 120 }),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(acts, (done) => {
      const there = new Map<string, number>();
      const memory = new BoundedMap<number>(100, (key) => void there.delete(key));
      for (const { what, key, bytes } of done) {
        if (what === "set") {
          there.set(key, bytes);
          memory.set(key, bytes, bytes);
          if (bytes > 100) there.delete(key);
        } else if (what === "delete") {
          there.delete(key);
          memory.delete(key);
        }
        expect(memory.get(key)).toBe(there.get(key) as number);
        expect(memory.bytes).toBe([...there.values()].reduce((sum, one) => sum + one, 0));
      }
      memory.clear();
      expect(memory.bytes).toBe(0);
    }),
  );
});
