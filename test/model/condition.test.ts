import { describe, expect, test } from "bun:test";
import { holds, operatorNames, type Condition } from "../../src/model/condition.ts";
import type { Json } from "../../src/model/event.ts";

/** condition, values it holds of, values it doesn't hold of */
const table: readonly [Condition, readonly (Json | undefined)[], readonly (Json | undefined)[]][] = [
  [{ is: "a" }, ["a"], ["A", "ab", null, undefined, ["a"], true]],
  [{ is: 1 }, [1], ["1", true, 1.5, null]],
  [{ is: false }, [false], [0, "", null, undefined, "false"]],
  [{ isNot: "a" }, ["b", null, undefined, 1, ["a"]], ["a"]],
  [{ oneOf: ["a", 1] }, ["a", 1], ["1", "b", null, undefined, ["a"]]],
  [{ atLeast: 2 }, [2, 3, "2", "2.50"], [1.9, "1", "two", null, undefined, true, [2], "", "0x10"]],
  [{ atMost: 2 }, [2, -3, "2"], [2.1, "x", null, undefined, "", false]],
  [{ above: 2 }, [2.1, "3"], [2, 1, null, undefined]],
  [{ below: 2 }, [1.9, "-3"], [2, 3, null, undefined]],
  [{ above: 0, atMost: 10 }, [1, 10], [0, 10.5]],
  [{ between: [2, 3] }, [2, "2.5", 3], [1.9, 3.1, "x", null, undefined]],
  [{ contains: "ho" }, ["shoes", "ho", ["ho"]], ["SHOES", ["shoes"], null, undefined, 1, { ho: 1 }]],
  [{ contains: 2 }, [[1, 2]], ["2", 2, 12, ["2"], null]],
  [{ startsWith: "sh" }, ["shoes", "sh"], ["Shoes", "ash", ["sh"], null, undefined]],
  [{ exists: true }, [0, "", false, [], {}], [null, undefined]],
  [{ exists: false }, [null, undefined], [0, "", false, [], {}]],
  [{}, [null, undefined, "a"], []],
];

describe("a condition", () => {
  test.each(table)("%j", (condition, right, wrong) => {
    expect(right.filter((value) => !holds(condition, value))).toEqual([]);
    expect(wrong.filter((value) => holds(condition, value))).toEqual([]);
  });

  test("every operator stands in the table above", () => {
    const tried = new Set(table.flatMap(([condition]) => Object.keys(condition)));
    expect([...tried].sort()).toEqual([...operatorNames].sort());
  });
});
