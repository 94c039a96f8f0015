/** Webhooks: what is signed, what an answer means, who may be asked for. */
import { describe, expect, test } from "bun:test";
import { Webhook } from "standardwebhooks";
import { webhook } from "../../../src/esp/destinations/webhook.ts";
import type { Answer, OutRequest } from "../../../src/esp/deliver/destination.ts";
import type { Change } from "../../../src/model/change.ts";
import type { Verdict } from "../../../src/model/delivery/verdict.ts";
import { describeChangesOut, type ChangesFake } from "../../conformance/changesOut.ts";
import { webhookSecrets } from "../../proof/webhooks.ts";

const nowMs = Date.now();
const change: Change = {
  seq: 7,
  namespace: "live",
  profileId: "prf_00000001",
  identifiers: [{ type: "user_id", value: "42" }],
  cause: "event",
  event: { messageId: "m", type: "track", name: "Seen", source: "web" },
  timestampMs: nowMs,
  receivedAtMs: nowMs,
  committedAtMs: nowMs,
  traits: {},
  segments: { entered: [], exited: [] },
};

function opened(answer: Answer, more: object = {}) {
  const sent: OutRequest[] = [];
  const own = webhook.settings.parse({
    url: "https://x.example/hook",
    secrets: [...webhookSecrets],
    ...more,
  });
  const open = webhook.open(own, {
    nowMs: () => nowMs,
    fetch: (request) => {
      sent.push(request);
      return Promise.resolve(answer);
    },
  });
  const way = open.changes?.way;
  if (way?.kind !== "own") throw new Error("no way of its own");
  const perform = (): Promise<Verdict> => way.perform([{ id: "3.7", change }], new AbortController().signal);
  return { open, sent, perform };
}

function answered(status: number, headers: Record<string, string> = {}): Answer {
  return { kind: "answer", status, headers, text: "" };
}

/** A receiver that takes what is signed for it alone. */
class HookReceiver implements ChangesFake {
  readonly ids: string[] = [];

  answer(request: Request, body: string): Response {
    new Webhook(webhookSecrets[1]).verify(body, Object.fromEntries(request.headers));
    this.ids.push(request.headers.get("webhook-id") ?? "");
    return new Response(null, { status: 204 });
  }
}

describeChangesOut({
  name: "webhook",
  setting: (origin) => ({
    type: "webhook",
    own: webhook.settings.parse({ url: `${origin}/hook`, secrets: [...webhookSecrets] }),
  }),
  fake: () => new HookReceiver(),
  stops: [410],
});

describe("a webhook", () => {
  test("is signed with every secret, and has the change's cursor as its id", async () => {
    const { sent, perform } = opened(answered(204));
    expect(await perform()).toEqual({ kind: "done" });
    const [request] = sent;
    expect(request?.headers["webhook-id"]).toBe("3.7");
    for (const secret of webhookSecrets)
      expect(new Webhook(secret).verify(String(request?.body), { ...request?.headers })).toMatchObject({
        type: "profile.changed",
        data: { profileId: "prf_00000001", version: 7, identifiers: [{ type: "user_id", value: "42" }] },
      });
    const other = new Webhook(`whsec_${Buffer.alloc(32, 9).toString("base64")}`);
    expect(() => other.verify(String(request?.body), { ...request?.headers })).toThrow();
  });

  test.each<[Answer, Verdict]>([
    [answered(200), { kind: "done" }],
    [answered(410), { kind: "stop", reason: "the receiver answered 410: it wants no more" }],
    [answered(400), { kind: "retry", reason: "the receiver answered 400" }],
    [
      answered(503, { "retry-after": "7" }),
      { kind: "retry", reason: "the receiver answered 503", afterMs: 7_000 },
    ],
    [
      { kind: "failed", why: "reset", wasSent: true },
      { kind: "retry", reason: "reset" },
    ],
  ])("%j means %j", async (answer, verdict) => {
    expect(await opened(answer).perform()).toEqual(verdict);
  });

  test("passes over causes that nobody asked for, and is tried with a signed test", async () => {
    const { open, sent, perform } = opened(answered(500), { causes: ["erase"] });
    expect(await perform()).toEqual({ kind: "done" });
    expect(sent).toEqual([]);
    const { probe } = open;
    const payload = new Webhook(webhookSecrets[0]).verify(String(probe?.body), { ...probe?.headers });
    expect(payload).toMatchObject({ type: "test" });
  });

  test.each([["whsec_short"], ["sk_no_secret_of_a_webhook_at_all_00000000"], ["whsec_!!!!"]])(
    "the secret %s is refused",
    (text) => {
      expect(webhook.settings.safeParse({ url: "https://x.example/", secrets: [text] }).success).toBe(false);
    },
  );
});
