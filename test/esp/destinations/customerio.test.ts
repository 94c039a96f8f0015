import { expect, test } from "bun:test";
import { customerio } from "../../../src/esp/destinations/customerio.ts";
import type { Json } from "../../../src/model/event.ts";
import { describeContract } from "../../conformance/contract.ts";
import { describeDestination, type DestinationFake, type Person } from "../../conformance/destination.ts";

interface Entity {
  readonly type: string;
  readonly action: string;
  readonly identifiers: { readonly id?: string };
  readonly attributes?: Readonly<Record<string, Json>>;
  readonly id?: string;
  readonly name?: string;
}

/** The Track API as its documentation tells of it. */
class CustomerIo implements DestinationFake {
  readonly #people = new Map<string, Record<string, Json>>();
  readonly #events = new Map<string, { readonly of: string; readonly name: string }>();
  readonly #suppressed = new Set<string>();
  readonly #deleted = new Set<string>();

  answer(request: Request, body: string): Response {
    if (new URL(request.url).pathname !== "/api/v2/batch") return new Response("", { status: 404 });
    if (request.headers.get("authorization") !== `Basic ${btoa("site-1:secret-key")}`)
      return Response.json({ meta: { error: "Unauthorized request" } }, { status: 401 });
    const { batch } = JSON.parse(body) as { readonly batch: readonly Entity[] };
    const errors = batch.flatMap((entity, batch_index) => {
      if (entity.attributes?.["plan"] === "poison")
        return [{ batch_index, reason: "invalid", field: "attributes", message: "not a plan" }];
      this.#take(entity);
      return [];
    });
    return errors.length === 0 ? Response.json({}) : Response.json({ errors }, { status: 207 });
  }

  fields({ userId }: Person): Readonly<Record<string, Json>> | null {
    return this.#people.get(userId) ?? null;
  }

  events({ userId }: Person): readonly string[] {
    return [...this.#events.values()].filter(({ of }) => of === userId).map(({ name }) => name);
  }

  isSuppressed({ userId }: Person): boolean {
    return this.#suppressed.has(userId);
  }

  isErased({ userId }: Person): boolean {
    return this.#deleted.has(userId);
  }

  #take({ action, identifiers: { id = "" }, attributes = {}, name = "", ...entity }: Entity): void {
    switch (action) {
      case "identify": {
        const fields = { ...this.#people.get(id), ...attributes };
        for (const [field, value] of Object.entries(fields)) if (value === "") delete fields[field];
        this.#people.set(id, fields);
        return;
      }
      case "event":
        this.#events.set(entity.id ?? "", { of: id, name });
        return;
      case "suppress":
        this.#suppressed.add(id);
        return;
      case "unsuppress":
        this.#suppressed.delete(id);
        return;
      default:
        this.#deleted.add(id);
        this.#people.delete(id);
    }
  }
}

const own = (url: string) => ({
  siteId: "site-1",
  apiKey: "secret-key",
  region: "us" as const,
  identifyBy: "userId" as const,
  url,
});

const vendor = {
  name: "customerio",
  setting: (origin: string) => ({ type: "customerio", own: own(origin) }),
  fake: () => new CustomerIo(),
  fields: { name: "first_name", plan: "plan" },
  poison: "poison",
};

describeDestination(vendor);

describeContract({
  ...vendor,
  descriptions: ["customerio-track"],
  sample: {
    set: { first_name: "Ann", cart: { total: 84.5 }, tags: ["a"], plan: "pro" },
    clear: ["last_name"],
    audience: "",
  },
  beyond: [],
});

test("an event's id is a ULID, the same at every repeat", () => {
  const tools = { nowMs: () => 0, fetch: () => Promise.reject(new Error("no requests")) };
  const way = customerio.open(own("http://127.0.0.1:1"), tools).event?.way;
  if (way?.kind !== "http") throw new Error("no way");
  const row = {
    profileId: "prf_1",
    key: { id: "42" },
    id: "prf_1/7",
    type: "track",
    name: "Order Completed",
    properties: {},
    timestampMs: 1_469_918_176_385,
    messageId: "m1",
  };
  const sent = [way.request([row]), way.request([row])].map(({ body }) => String(body));
  expect(sent[0]).toBe(sent[1] ?? "");
  const { batch } = JSON.parse(sent[0] ?? "") as { readonly batch: readonly { readonly id: string }[] };
  // The time part of the specification's own example.
  expect(batch[0]?.id).toMatch(/^01ARYZ6S41[0-9A-HJKMNP-TV-Z]{16}$/);
});
