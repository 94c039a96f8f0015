/** Customer.io's own client, customerio-node, makes the same calls as the destination. */
import { expect, test } from "bun:test";
import { TrackClient } from "customerio-node";
import type { OpenDestination, OutRequest, UpsertRow } from "../../../src/esp/deliver/destination.ts";
import type { PartialSetting } from "../../support/deliveryRig.ts";
import { bothCalls, requestOf } from "../../support/sameCall.ts";

type Operations = Parameters<TrackClient["batch"]>[0];

const ann = { profileId: "prf_1", key: { id: "42" } };
const person = { type: "person", identifiers: { id: "42" } } as const;
const upsert: UpsertRow = {
  ...ann,
  isNew: false,
  former: [],
  suppressed: {},
  set: { first_name: "Ann", cart: { total: 84.5 } },
  clear: ["last_name"],
  all: {},
  version: 1,
  timestampMs: 0,
};
const event = {
  ...ann,
  id: "prf_1/7",
  type: "track",
  name: "Order Completed",
  properties: { total: 84.5 },
  timestampMs: 1_793_614_830_400,
  messageId: "m1",
};
const suppress = (reason: string | null) => ({ ...ann, email: null, channel: "email", reason });

const calls: Readonly<
  Record<string, readonly [ours: (open: OpenDestination) => OutRequest, theirs: Operations]>
> = {
  "a person": [
    (open) => requestOf(open.upsert, [upsert, upsert]),
    [1, 2].map(() => ({
      ...person,
      action: "identify",
      attributes: { first_name: "Ann", cart: { total: 84.5 }, last_name: "" },
    })),
  ],
  "a suppression": [
    (open) => requestOf(open.suppress, [suppress("bounced")]),
    [{ ...person, action: "suppress" }],
  ],
  "a suppression that is lifted": [
    (open) => requestOf(open.suppress, [suppress(null)]),
    [{ ...person, action: "unsuppress" }],
  ],
  "an event": [
    (open) => requestOf(open.event, [event]),
    [
      {
        ...person,
        action: "event",
        // A ULID of the time and the id of the event.
        id: "01M6DWCPT0H1ERTPBXZZRZ4R0C",
        name: "Order Completed",
        timestamp: 1_793_614_830,
        attributes: { total: 84.5 },
      },
    ],
  ],
  "an erasure": [(open) => requestOf(open.erase, [ann]), [{ ...person, action: "delete" }]],
};

const setting =
  (identifyBy: "userId" | "email") =>
  (url: string): PartialSetting => ({
    type: "customerio",
    own: { siteId: "site-1", apiKey: "secret-key", region: "us", identifyBy, url },
  });
const headers = ["authorization", "content-type"];
const batch = (operations: Operations) => (origin: string) =>
  new TrackClient("site-1", "secret-key", { url: `${origin}/api/v1` }).batch(operations);

test.each(Object.entries(calls))("%s", async (_what, [ours, theirs]) => {
  const both = await bothCalls({ setting: setting("userId"), headers }, ours, batch(theirs));
  expect(both.ours).toEqual(both.theirs);
});

test("a person who is known by their address", async () => {
  const email = "ann@example.com";
  const both = await bothCalls(
    { setting: setting("email"), headers },
    (open) => {
      const found = open.identify({ profileId: "prf_1", identifiers: [], userId: "42", email });
      return requestOf(open.erase, found.kind === "key" ? [{ profileId: "prf_1", key: found.key }] : []);
    },
    batch([{ type: "person", identifiers: { email }, action: "delete" }]),
  );
  expect(both.ours).toEqual(both.theirs);
});
