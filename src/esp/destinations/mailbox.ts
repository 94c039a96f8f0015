/**
 * A mailbox on this machine: what would be sent by e-mail becomes a file in a folder. Nothing leaves the machine: for
 * trying a trigger out, for tests, and for the demo. docs/destinations/mailbox.md
 */
import { z } from "zod";
import type { Verdict } from "../../model/delivery/verdict.ts";
import type { Destination, SendRow } from "../deliver/destination.ts";
import { MailFolder, type KeptMail } from "./mailFolder.ts";
import { messageIdOf } from "./smtp.ts";

const settings = z.strictObject({
  /** Made when the first mail comes; relative ones begin where the server was started. */
  folder: z.string().min(1).max(4_000),
  from: z
    .string()
    .max(500)
    .regex(/^[^\r\n]*[^<>@\s]+@[^<>@\s]+>?$/),
  /** So many mails; older ones make room. */
  keep: z.int().min(1).max(10_000).default(1_000),
});

export type MailboxSettings = z.output<typeof settings>;

const maxBytes = 10_000_000;

export const mailbox: Destination<MailboxSettings> = {
  type: "mailbox",
  title: "Mailbox",
  settings,
  can: ["send", "erase"],
  secrets: () => [],
  open: (own, { nowMs }) => {
    const folder = new MailFolder(own.folder, own.keep);
    return {
      limits: { windows: [], connections: 1 },
      identify: ({ profileId }) => ({ kind: "key", key: { profileId } }),
      probe: null,
      send: {
        maxRows: 1,
        maxBytes,
        repeat: "idempotent",
        way: {
          kind: "own",
          describe: (rows) =>
            rows.map((row) => JSON.stringify(mailOf(row, own, nowMs()), null, 2)).join("\n"),
          perform: ([row]) =>
            row === undefined ? Promise.resolve({ kind: "done" }) : keep(row, own, folder, nowMs()),
        },
      },
      erase: {
        maxRows: 1,
        maxBytes,
        repeat: "idempotent",
        way: {
          kind: "own",
          describe: (rows) =>
            rows.map(({ key }) => `the mails of ${key["profileId"] ?? ""} are removed`).join("\n"),
          perform: ([row]) => done(async () => folder.forget(row?.key["profileId"] ?? "")),
        },
      },
    };
  },
};

function keep(row: SendRow, own: MailboxSettings, folder: MailFolder, nowMs: number): Promise<Verdict> {
  const { email, message } = row;
  if (email === null) return Promise.resolve({ kind: "drop", reason: "there is no e-mail address" });
  if (message.html === null && message.text === null)
    return Promise.resolve({ kind: "drop", reason: "a mailbox has no templates of its own: name a block" });
  return done(() => folder.put(row.id, mailOf(row, own, nowMs)));
}

function mailOf(
  { id, profileId, email, message }: SendRow,
  { from }: MailboxSettings,
  nowMs: number,
): KeptMail {
  const { subject, html, text, topic, headers } = message;
  return {
    messageId: messageIdOf(id, from),
    profileId,
    sentAt: new Date(nowMs).toISOString(),
    from,
    to: email ?? "",
    subject: subject ?? "",
    html,
    text,
    topic,
    headers,
  };
}

/** A disk that is full or not there may be well again; what is written twice stands there once. */
async function done(work: () => Promise<void>): Promise<Verdict> {
  try {
    await work();
    return { kind: "done" };
  } catch (error) {
    return { kind: "retry", reason: error instanceof Error ? error.message : String(error) };
  }
}
