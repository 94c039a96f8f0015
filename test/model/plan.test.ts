import { describe, expect, test } from "bun:test";
import type { Event, JsonObject } from "../../src/model/event.ts";
import { findingText, maxViolations, type PlanRules } from "../../src/model/plan.ts";
import { compileSchema, SchemaProblem } from "../../src/lib/jsonSchema.ts";
import { TrackingPlan } from "../../src/model/planCheck.ts";

const order: JsonObject = {
  type: "object",
  required: ["order_id", "total"],
  properties: {
    order_id: { type: "string", minLength: 1 },
    total: { type: "number", minimum: 0 },
    email: { type: "string", format: "email" },
    products: { type: "array", items: { type: "object", required: ["sku"] } },
  },
};

const rules: PlanRules = {
  events: [{ event: "Order Completed", version: 3, mode: null, schema: order }],
  traits: { version: 1, mode: "block", schema: { properties: { plan: { enum: ["free", "pro"] } } } },
  mode: "quarantine",
  sources: { web: "allow" },
  unplanned: "allow",
};

function track(name: string, properties: JsonObject, source = "shop"): Event {
  return { ...blank, source, type: "track", name, properties };
}

const blank: Event = {
  namespace: "live",
  source: "shop",
  trusted: true,
  type: "track",
  name: null,
  messageId: "m-1",
  userId: "u1",
  anonymousId: null,
  previousId: null,
  groupId: null,
  timestampMs: 0,
  receivedAtMs: 0,
  index: 0,
  properties: {},
  traits: {},
};

describe("a tracking plan", () => {
  const plan = new TrackingPlan(rules);

  test("lets pass what has the shape", () => {
    expect(plan.check(track("Order Completed", { order_id: "1", total: 9.5 }))).toBeNull();
    expect(plan.check({ ...blank, type: "page", name: "Order Completed" })).toBeNull();
  });

  test("names each rule and place that is broken, once, and nothing that was sent", () => {
    const found = plan.check(
      track("Order Completed", { total: "secret", email: "no", products: [{}, {}, { sku: 1 }] }),
    );
    expect(found).toEqual({
      event: "Order Completed",
      version: 3,
      mode: "quarantine",
      violations: [
        { rule: "required", property: "order_id" },
        { rule: "type", property: "total" },
        { rule: "format", property: "email" },
        { rule: "required", property: "products.*.sku" },
      ],
    });
    expect(found && findingText(found)).toBe(
      "Version 3 of the tracking plan: the event at order_id breaks the rule required (and 3 more).",
    );
  });

  test("a source's mode goes before a shape's, a shape's before the plan's", () => {
    expect(plan.check(track("Order Completed", {}, "web"))?.mode).toBe("allow");
    expect(plan.check(track("Order Completed", {}, "toString"))?.mode).toBe("quarantine");
    const identify: Event = { ...blank, type: "identify", traits: { plan: "gold" } };
    expect(plan.check(identify)?.mode).toBe("block");
    expect(plan.check({ ...identify, source: "web" })?.mode).toBe("allow");
  });

  test("says which events it does not name", () => {
    expect(plan.check(track("Order Complete", {}))).toEqual({
      event: "Order Complete",
      version: 0,
      mode: "allow",
      violations: [{ rule: "unplanned", property: "" }],
    });
    const strict = new TrackingPlan({ ...rules, unplanned: "quarantine" });
    expect(strict.check(track("Order Complete", {}))?.mode).toBe("quarantine");
    expect(strict.check(track("Order Complete", {}, "web"))?.mode).toBe("allow");
  });

  test("tells a bounded number of violations", () => {
    const names = Array.from({ length: 100 }, (_, at) => `p${at}`);
    const wide = new TrackingPlan({
      ...rules,
      events: [{ event: "Wide", version: 1, mode: null, schema: { required: names } }],
    });
    expect(wide.check(track("Wide", {}))?.violations.length).toBe(maxViolations);
  });
});

describe("a schema", () => {
  test("with a word that means nothing is refused by name", () => {
    expect(() => compileSchema({ type: "object", requird: ["a"] })).toThrow(/requird/);
  });

  test("with a pattern that some texts never get through is refused", () => {
    expect(() => compileSchema({ properties: { a: { pattern: "^(a+)+$" } } })).toThrow(SchemaProblem);
  });

  test("matches no pattern against a long text", () => {
    const validate = compileSchema({ properties: { a: { pattern: "a" } } });
    expect(validate({ a: "a".repeat(1_000) })).toEqual([]);
    expect(validate({ a: "a".repeat(1_001) })).toEqual([{ keyword: "pattern", path: ["a"] }]);
  });

  test("fetches nothing: a reference to elsewhere is refused", () => {
    expect(() => compileSchema({ $ref: "https://example.com/schema.json" })).toThrow(SchemaProblem);
  });

  test("is read as draft 7, or as 2020-12 where it says so", () => {
    const tuple: JsonObject = { properties: { a: { items: [{ type: "number" }] } } };
    expect(compileSchema(tuple)({ a: ["x"] })).not.toEqual([]);
    const newer: JsonObject = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      properties: { a: { prefixItems: [{ type: "number" }] } },
    };
    expect(compileSchema(newer)({ a: ["x"] })).not.toEqual([]);
  });
});
