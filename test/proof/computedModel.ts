/** What computed traits must be in a random life: told by the oracles from the bare list of a profile's events. */
import { expect } from "bun:test";
import { canonicalJson } from "../../src/model/canonicalJson.ts";
import { readComputed, valueAt } from "../../src/model/computed.ts";
import { compile } from "../../src/model/compile.ts";
import type { Definition, Definitions } from "../../src/model/definition.ts";
import type { Event, Json, JsonObject } from "../../src/model/event.ts";
import type { StoredProfile } from "../../src/store/profiles.ts";
import { expectedValue } from "../model/computedOracle.ts";
import { expectedCart, expectedOrders } from "../model/shopOracle.ts";

const names = [
  "Product Viewed",
  "Product Viewed",
  "Product Added",
  "Product Removed",
  "Cart Viewed",
  "Order Completed",
  "Order Refunded",
  "Order Cancelled",
];
const minuteMs = 60_000;

export class ComputedModel {
  readonly definitions: readonly Definition[];
  readonly #compiled: Definitions;
  readonly #random: () => number;

  readonly #newMark: () => string;

  /** `newMark` gives a text that one event alone carries. */
  constructor(definitions: readonly Definition[], random: () => number, newMark: () => string) {
    this.#newMark = newMark;
    this.definitions = definitions;
    this.#compiled = compile(definitions);
    this.#random = random;
  }

  /** A track event's own fields. */
  track(): JsonObject {
    const event = names[this.#upTo(names.length)] ?? "Product Viewed";
    const product = {
      product_id: `p${this.#upTo(4)}`,
      price: this.#upTo(5) + 0.5,
      quantity: 1 + this.#upTo(3),
      name: this.#newMark(),
    };
    const category = this.#random() < 0.5 ? "shoes" : "hats";
    if (event === "Product Viewed") return { event, properties: { ...product, category } };
    const order = { order_id: `o${this.#upTo(5)}`, total: this.#upTo(90) };
    return { event, properties: { ...product, products: [product], ...order } };
  }

  /** Holds a profile's computed traits, at some moment, against what its events say. */
  compare(profile: StoredProfile, events: readonly Event[], nowMs: number, of: string): void {
    const tMs = nowMs - 3 * minuteMs + this.#upTo(20) * minuteMs;
    const values = readComputed(profile.state, this.#compiled, tMs);
    for (const definition of this.definitions) {
      const trait = this.#compiled.computed.find(({ name }) => name === definition.name);
      if (trait === undefined) throw new Error(`no trait ${definition.name}`);
      const got: Json = [of, definition.name, valueAt(profile.state, trait, tMs).value];
      const wanted: Json = [of, definition.name, this.#expected(definition, events, tMs)];
      expect(canonicalJson(got)).toBe(canonicalJson(wanted));
      expect(canonicalJson(values[definition.name] ?? null)).toBe(canonicalJson(wanted[2] ?? null));
    }
  }

  #expected(definition: Definition, events: readonly Event[], tMs: number): Json {
    if (definition.aggregate === "cart") return expectedCart(events, definition.currency);
    if (definition.aggregate === "orders") return expectedOrders(events, definition, tMs);
    return expectedValue(events, definition, tMs, this.#compiled.limits).value;
  }

  #upTo(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}
