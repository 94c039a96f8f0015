/** The events that the algebra is measured with. Numbers count up; equal numbers give equal events. */
import type { Event, JsonObject } from "../../src/model/event.ts";

export const startMs = Date.UTC(2026, 10, 24, 9);

export function messageId(number: number): string {
  return `ajs-next-${startMs + number}-6b2f41c3-9a53-4c71-8b0e-${number.toString(16).padStart(12, "0")}`;
}

export function eventOf(number: number, part: Partial<Event>): Event {
  const timestampMs = startMs + number;
  return {
    namespace: "live",
    source: "web",
    trusted: false,
    type: "track",
    name: "Product Viewed",
    messageId: messageId(number),
    userId: "u",
    anonymousId: null,
    previousId: null,
    groupId: null,
    timestampMs,
    receivedAtMs: timestampMs + 120,
    index: 0,
    properties: {},
    traits: {},
    ...part,
  };
}

export function viewed(number: number): Event {
  return eventOf(number, {
    properties: {
      product_id: `P${number % 97}`,
      name: "Trail shoe",
      price: 84.5,
      currency: "EUR",
      category: number % 2 === 0 ? "shoes" : "hats",
    },
  });
}

export function added(number: number): Event {
  const properties = {
    product_id: `P${number % 5}`,
    name: "Trail shoe",
    price: 84.5,
    quantity: 1,
    currency: "EUR",
    category: "shoes",
  };
  return eventOf(number, {
    name: number % 8 === 7 ? "Order Completed" : "Product Added",
    properties: { ...properties, order_id: `o-${number}`, total: 84.5 },
  });
}

export function identified(number: number, changing: boolean): Event {
  const traits: JsonObject = {
    firstName: "Ann",
    lastName: "Miller",
    email: "ann.miller@example.com",
    plan: "pro",
    city: "Ulm",
    newsletter: true,
    logins: changing ? number : 7,
    address: { street: "Long Road 7", city: changing && number % 2 === 0 ? "Bonn" : "Ulm", zip: "89073" },
  };
  return eventOf(number, { type: "identify", name: null, traits });
}

/** As an SDK writes it, about 450 bytes. */
export function textOf(event: Event): string {
  const { type, name, messageId: id, properties } = event;
  return JSON.stringify({
    type,
    messageId: id,
    userId: "user-12345",
    anonymousId: "395d5813-c5f7-4082-9d6c-43ffce146ee8",
    event: name,
    timestamp: "2026-11-24T08:58:12.345Z",
    properties,
    context: {
      page: { path: "/p/1", url: "http://shop.test/p/1" },
      library: { name: "analytics.js", version: "1.84.3" },
    },
  });
}
