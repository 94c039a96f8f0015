/** What an event and its request tell about who sent it, and the facts that follow from it (docs/concepts.md, "Facts"). */
import type { Event } from "../model/event.ts";
import type { Facts } from "../model/facts.ts";
import type { FrameSender } from "../store/accept.ts";
import type { Enrich } from "./enrich.ts";
import { isObject, type Envelope } from "./normalise.ts";
import type { Shared } from "./shared.ts";

/** Under these e-mail services tell the user agent of who opened or clicked. */
const agentProperties = ["user_agent", "userAgent", "useragent"] as const;
/** With these they say that a machine opened. */
const machineProperties = ["machine_open", "sg_machine_open"] as const;

/** The facts of an event; null: none. The event's own word goes before the batch's, both before the request's. */
export function factsOf(
  envelope: Envelope,
  shared: Shared,
  sender: FrameSender | undefined,
  enrich: Enrich,
): Facts | null {
  const context = isObject(envelope.context) ? envelope.context : null;
  const mail = mailProperties(envelope);
  const userAgent =
    textIn(context?.["userAgent"]) ?? agentIn(mail) ?? shared.userAgent ?? sender?.userAgent ?? null;
  const address =
    textIn(context?.["ip"]) ?? textIn(envelope.request_ip) ?? shared.ip ?? sender?.address ?? null;
  const facts = userAgent === null && address === null ? null : enrich({ userAgent, address });
  const isMachine = mail !== null && machineProperties.some((key) => mail[key] === true);
  return isMachine && facts?.proxy === undefined ? { ...facts, proxy: "other" } : facts;
}

/** The event with its facts. */
export function withFacts(event: Event, facts: Facts | null | undefined): Event {
  return facts === null || facts === undefined ? event : { ...event, facts };
}

function mailProperties({ event, properties }: Envelope): Readonly<Record<string, unknown>> | null {
  return typeof event === "string" && event.startsWith("Email ") && isObject(properties) ? properties : null;
}

function agentIn(properties: Readonly<Record<string, unknown>> | null): string | null {
  if (properties === null) return null;
  for (const key of agentProperties) {
    const agent = textIn(properties[key]);
    if (agent !== null) return agent;
  }
  return null;
}

function textIn(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
