/**
 * What is stored of an event: its own text, but for what must not be kept, and beside it what the text does not hold
 * (`extra`).
 */
import { factsKey, type Facts } from "../model/facts.ts";
import type { Enrich } from "./enrich.ts";
import { isObject, type Envelope } from "./normalise.ts";
import type { Shared } from "./shared.ts";

/** How events are enriched, and what is kept of them. */
export interface Keeping {
  readonly enrich: Enrich;
  /** False: addresses of senders are taken out. */
  readonly keepIp: boolean;
}

/** Nothing is found out, no address kept. */
export const plainKeeping: Keeping = { enrich: () => null, keepIp: false };

/**
 * The text to store: as it came, unless it holds a secret key (as its writeKey) or an address that is not kept. Then it is
 * written anew without them; every other value is the same.
 */
export function textToKeep(envelope: Envelope, raw: Uint8Array, keepIp: boolean): Uint8Array {
  const { writeKey, context } = envelope;
  const hasSecret = typeof writeKey === "string" && writeKey.startsWith("sk_");
  const hasIp = !keepIp && (envelope.request_ip !== undefined || holdsIp(context));
  if (!hasSecret && !hasIp) return raw;
  const kept = {
    ...envelope,
    ...(hasSecret ? { writeKey: undefined } : {}),
    ...(hasIp ? { request_ip: undefined } : {}),
    ...(hasIp && isObject(context) ? { context: { ...context, ip: undefined } } : {}),
  };
  return new TextEncoder().encode(JSON.stringify(kept));
}

function holdsIp(context: unknown): boolean {
  return isObject(context) && context["ip"] !== undefined;
}

/** What to store beside the text; null: nothing. `setAside`: the time that the event gave and that does not count. */
export function extraToKeep(shared: Shared, setAside: string | null, facts: Facts | null): string | null {
  if (setAside === null && facts === null) return shared.extra;
  return JSON.stringify({
    ...shared.facts,
    ...(setAside === null ? {} : { givenTimestamp: setAside }),
    ...(facts === null ? {} : { [factsKey]: facts }),
  });
}
