/**
 * Outbound webhooks by the Standard Webhooks specification: every change of the log as one POST, signed, in order, at
 * least once. `webhook-id` is the change's cursor, the same at every repeat, so that a receiver knows a repeat and can
 * fetch what it missed from /v1/changes. docs/destinations/webhook.md
 */
import { z } from "zod";
import type { Verdict } from "../../model/delivery/verdict.ts";
import { renderChange } from "../changeView.ts";
import type { Answer, ChangeRow, Destination, OutRequest, Tools } from "../deliver/destination.ts";
import { everything } from "../profileView.ts";

/** `whsec_` and base64 of 24 to 64 bytes, as the specification has it. */
const secret = z
  .string()
  .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/)
  .refine((text) => {
    const { length } = keyOf(text);
    return length >= 24 && length <= 64;
  });

const settings = z.strictObject({
  url: z
    .string()
    .max(2_000)
    .regex(/^https?:\/\//),
  /** The first signs; further ones sign too, while receivers change over. */
  secrets: z.array(secret).min(1).max(5),
  /** Only changes with one of these causes. */
  causes: z
    .array(z.enum(["event", "time", "merge", "undo", "definition", "import", "erase"]))
    .min(1)
    .optional(),
});

type Settings = z.output<typeof settings>;

const timeoutMs = 15_000;
const maxBytes = 1_000_000;

export const webhook: Destination<Settings> = {
  type: "webhook",
  title: "Webhook",
  settings,
  can: ["changes"],
  secrets: ({ secrets }) => secrets,
  open: (own, tools) => ({
    limits: { windows: [], connections: 1, timeoutMs },
    identify: ({ profileId }) => ({ kind: "key", key: { profileId } }),
    // A receiver tells a test by its type, and answers it as any other; signed anew each time, since signatures age.
    get probe() {
      const body = JSON.stringify({ type: "test", timestamp: iso(tools.nowMs()), data: {} });
      return signed(own, `test-${tools.nowMs()}`, body, tools);
    },
    changes: {
      maxRows: 1,
      maxBytes,
      repeat: "idempotent",
      way: {
        kind: "own",
        describe: (rows) => rows.map((row) => payloadOf(row)).join("\n"),
        perform: ([row], signal) =>
          row === undefined ? Promise.resolve({ kind: "done" }) : send(row, own, tools, signal),
      },
    },
  }),
};

async function send(row: ChangeRow, own: Settings, tools: Tools, signal: AbortSignal): Promise<Verdict> {
  if (own.causes !== undefined && !own.causes.includes(row.change.cause)) return { kind: "done" };
  const cut = Promise.withResolvers<Answer>();
  const onAbort = () => cut.resolve({ kind: "failed", why: "the server is shutting down", wasSent: true });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return verdictOf(
      await Promise.race([tools.fetch(signed(own, row.id, payloadOf(row), tools)), cut.promise]),
    );
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** 2xx takes it, 410 wants no more ever; everything else is tried again, since nothing may be left out. */
function verdictOf(answer: Answer): Verdict {
  if (answer.kind === "failed") return { kind: "retry", reason: answer.why };
  const { status, headers } = answer;
  if (status >= 200 && status < 300) return { kind: "done" };
  if (status === 410) return { kind: "stop", reason: "the receiver answered 410: it wants no more" };
  const seconds = Number(headers["retry-after"]);
  const reason = `the receiver answered ${status}`;
  return Number.isFinite(seconds) && seconds >= 0
    ? { kind: "retry", reason, afterMs: seconds * 1_000 }
    : { kind: "retry", reason };
}

function payloadOf({ change }: ChangeRow): string {
  return JSON.stringify({
    type: `profile.${change.cause === "erase" ? "erased" : "changed"}`,
    timestamp: iso(change.committedAtMs),
    data: renderChange(change, everything),
  });
}

function signed(
  { url, secrets }: Settings,
  id: string,
  body: string,
  { nowMs }: Pick<Tools, "nowMs">,
): OutRequest {
  const timestamp = String(Math.floor(nowMs() / 1_000));
  return {
    method: "POST",
    url,
    headers: {
      "Content-Type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": secrets
        .map((one) => `v1,${signatureOf(one, `${id}.${timestamp}.${body}`)}`)
        .join(" "),
    },
    body,
  };
}

function signatureOf(text: string, content: string): string {
  return new Bun.CryptoHasher("sha256", keyOf(text)).update(content).digest("base64");
}

function keyOf(text: string): Buffer {
  return Buffer.from(text.slice("whsec_".length), "base64");
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
