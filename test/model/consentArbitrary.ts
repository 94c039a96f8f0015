/** Random words about consent: few channels, topics and times, so that they meet. */
import * as fc from "fast-check";
import type { Event, JsonObject } from "../../src/model/event.ts";
import { eventWith } from "./arbitrary.ts";

const channel = fc.constantFrom("email", "sms", "push");
const topic = fc.constantFrom(undefined, "marketing", "orders");
const address = fc.constantFrom(undefined, "ann@example.org", "bob@example.org");

function given(properties: Record<string, string | boolean | undefined>): JsonObject {
  return JSON.parse(JSON.stringify(properties)) as JsonObject;
}

const words: fc.Arbitrary<readonly [name: string, properties: JsonObject]> = fc.oneof(
  fc
    .tuple(channel, topic, fc.constantFrom("granted", "denied", "unknown"))
    .map(([on, about, status]) => ["Consent Changed", given({ channel: on, topic: about, status })] as const),
  fc
    .tuple(channel, topic)
    .map(([on, about]) => ["Unsubscribed", given({ channel: on, topic: about })] as const),
  fc
    .tuple(channel, topic)
    .map(([on, about]) => ["Resubscribed", given({ channel: on, topic: about })] as const),
  fc
    .tuple(address, fc.constantFrom(undefined, "hard", "soft"))
    .map(([email, type]) => ["Email Bounced", given({ email, type })] as const),
  fc.constant(["Email Marked as Spam", {}] as const),
  fc
    .tuple(channel, fc.boolean(), fc.constantFrom("manual", "complained", "bounced"), address)
    .map(
      ([on, suppressed, reason, of]) =>
        ["Suppression Changed", given({ channel: on, suppressed, reason, address: of })] as const,
    ),
);

/** Track events of a trusted source; (source, messageId) is unique within a list. */
export const consentEventLists: fc.Arbitrary<Event[]> = fc.uniqueArray(
  fc
    .tuple(
      words,
      fc.record({
        source: fc.constantFrom("web", "shop"),
        messageId: fc.integer({ min: 0, max: 60 }).map((number) => `m-${number}`),
        timestampMs: fc.integer({ min: 0, max: 8 }),
        receivedAtMs: fc.integer({ min: 8, max: 10 }),
        index: fc.integer({ min: 0, max: 1 }),
      }),
    )
    .map(([[name, properties], place]) => eventWith({ name, properties, trusted: true, ...place })),
  { selector: (event) => `${event.source} ${event.messageId}`, maxLength: 14 },
);
