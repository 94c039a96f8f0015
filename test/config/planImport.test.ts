/** Plans of other tools. */
import { describe, expect, test } from "bun:test";
import { readForeignPlan } from "../../src/config/planImport.ts";

const properties = {
  type: "object",
  required: ["total"],
  properties: { total: { type: "number" }, currency: { type: "string", enum: ["EUR", "USD"] } },
};
const call = {
  $id: "https://example.com/plan",
  $schema: "http://json-schema.org/draft-07/schema#",
  type: "object",
  properties: { context: {}, traits: {}, properties },
};
const traits = { type: "object", properties: { plan: { type: "string" } } };
const ofIdentify = { type: "object", properties: { context: {}, traits, properties: {} } };

describe("JSON", () => {
  const rules = [
    { type: "TRACK", key: "Order Completed", version: 2, jsonSchema: call },
    { type: "TRACK", key: "Order Completed", version: 1, jsonSchema: {} },
    { type: "IDENTIFY", version: 1, jsonSchema: ofIdentify },
    { type: "COMMON", version: 1, jsonSchema: {} },
  ];
  const old = {
    name: "workspaces/w/tracking-plans/rs_1",
    rules: {
      events: [{ name: "Order Completed", version: 2, rules: call }],
      identify: ofIdentify,
      group: {},
    },
  };
  test.each([
    ["rules", { rules }],
    ["an answer", { data: { rules } }],
    ["a list", rules],
    ["the older API's", old],
  ])("%s: events and traits, without the envelope", (_name, plan) => {
    const { shapes } = readForeignPlan(JSON.stringify(plan), false);
    expect(shapes).toEqual([
      { event: "Order Completed", version: 2, schema: properties },
      { event: null, version: 1, schema: traits },
    ]);
  });

  test("what has no place is told", () => {
    expect(readForeignPlan(JSON.stringify({ rules }), false).left).toEqual([
      "version 1 of Order Completed: version 2 is there too",
      "a rule for common calls",
    ]);
  });

  test.each(["{", "{}", '{"rules":[]}x'])("%p is refused", (text) => {
    expect(() => readForeignPlan(text, false)).toThrow();
  });

  test("a schema of the properties alone is taken as it is", () => {
    const rule = { type: "track", key: "A", jsonSchema: properties };
    expect(readForeignPlan(JSON.stringify([rule]), false).shapes[0]?.schema).toEqual(properties);
  });
});

describe("CSV", () => {
  test("a row a property, events named once or in each row, nested names, other calls", () => {
    const text = `Rule Type,Event Name,Property Name,Property Type,Req'd,Permitted Values
track,Order Completed,total,Number,yes,
,,currency,string,,EUR|USD
,,$.address.city,string,true,
track,Order Completed,placed_at,date time,,
identify,,plan,string,,
page,Home,title,string,,
`;
    expect(readForeignPlan(text, true)).toEqual({
      shapes: [
        {
          event: "Order Completed",
          version: 1,
          schema: {
            type: "object",
            required: ["total"],
            properties: {
              total: { type: "number" },
              currency: { type: "string", enum: ["EUR", "USD"] },
              address: { type: "object", required: ["city"], properties: { city: { type: "string" } } },
              placed_at: { type: "string", format: "date-time" },
            },
          },
        },
        { event: null, version: 1, schema: { type: "object", properties: { plan: { type: "string" } } } },
      ],
      left: ["a row for page calls (title)"],
    });
  });

  test("without the columns that it takes, it is refused and they are named", () => {
    expect(() => readForeignPlan("a,b\n1,2\n", true)).toThrow("event name");
  });
});
