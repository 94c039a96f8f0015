/**
 * Mail by SMTP (RFC 5321), one message a person: our blocks, rendered, as HTML and text. A repeat is a second mail, so
 * what may or may not have gone out is uncertain; it has the same Message-ID when it goes out again. For marketing it
 * carries List-Unsubscribe with one click (RFC 2369, RFC 8058). docs/destinations/smtp.md
 */
import type { Socket } from "node:net";
import { createTransport, type Transport } from "nodemailer";
import { z } from "zod";
import type { Verdict } from "../../model/delivery/verdict.ts";
import type { Destination, SendRow, Tools } from "../deliver/destination.ts";
import { socketTo } from "./smtpSocket.ts";

const address = z
  .string()
  .max(500)
  .regex(/^(?:[^<>\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/);

const settings = z.strictObject({
  /** `smtp://user:password@host:587` (STARTTLS where it is offered) or `smtps://…:465`. */
  url: z
    .string()
    .max(2_000)
    .regex(/^smtps?:\/\/[^\s]+$/),
  from: address,
  replyTo: address.optional(),
  /** Where who wants no more of this can say so: an https address, with {profileId} and {topic} filled in, or mailto. */
  unsubscribe: z
    .string()
    .max(2_000)
    .regex(/^(?:https:\/\/|mailto:)[^\s<>]+$/)
    .optional(),
  dkim: z
    .strictObject({
      domain: z.string().min(1).max(253),
      selector: z.string().min(1).max(200),
      privateKey: z.string().min(1).max(20_000),
    })
    .optional(),
  /** False lets mail go out without TLS where the server offers none. */
  requireTls: z.boolean().default(true),
});

type Settings = z.output<typeof settings>;

const timeoutMs = 30_000;
const connections = 4;

export const smtp: Destination<Settings> = {
  type: "smtp",
  title: "SMTP",
  settings,
  can: ["send"],
  secrets: ({ url, dkim }) => [url, ...credentials(url), ...(dkim === undefined ? [] : [dkim.privateKey])],
  open: (own, { nowMs, reach }) => {
    let transport: Transport | null = null;
    const opened = (): Transport => (transport ??= transportOf(own, reach));
    return {
      limits: { windows: [], connections, timeoutMs },
      identify: ({ email }) =>
        email === null || !isOneAddress(email)
          ? { kind: "none", missing: "e-mail address" }
          : { kind: "key", key: { email } },
      probe: null,
      close: () => transport?.close(),
      send: {
        maxRows: 1,
        maxBytes: 10_000_000,
        repeat: "uncertain",
        way: {
          kind: "own",
          describe: (rows) => rows.map((row) => described(row, own)).join("\n\n"),
          perform: ([row]) =>
            row === undefined ? Promise.resolve({ kind: "done" }) : sendOne(row, own, opened(), nowMs()),
        },
      },
    };
  },
};

function transportOf(own: Settings, reach: Tools["reach"]): Transport {
  const transport = createTransport(transportOptions(own, reach));
  // Once the other side can have read a byte of a mail, it may have taken it.
  transport.use("stream", ({ data, message }, next) => {
    const make = message.createReadStream.bind(message);
    message.createReadStream = (options) => {
      const stream = make(options);
      data.progress.wasBegun = () => stream.readableDidRead;
      return stream;
    };
    next();
  });
  return transport;
}

function transportOptions({ url, dkim, requireTls }: Settings, reach: Tools["reach"]): object {
  const parsed = new URL(url);
  const isImplicit = parsed.protocol === "smtps:";
  const host = parsed.hostname.replace(/^\[|\]$/g, "");
  const port = Number(parsed.port === "" ? (isImplicit ? 465 : 587) : parsed.port);
  return {
    host,
    port,
    // The name stays that of the certificate.
    getSocket: (
      _options: unknown,
      told: (error: unknown, found?: { readonly connection: Socket }) => void,
    ) => {
      socketTo(host, port, reach, timeoutMs).then((connection) => told(null, { connection }), told);
    },
    // The queue here decides what is tried again: the pool does not know what may have been taken.
    maxRequeues: 0,
    secure: isImplicit,
    requireTLS: requireTls && !isImplicit,
    ...(parsed.username === ""
      ? {}
      : { auth: { user: decodeURIComponent(parsed.username), pass: decodeURIComponent(parsed.password) } }),
    ...(dkim === undefined
      ? {}
      : { dkim: { domainName: dkim.domain, keySelector: dkim.selector, privateKey: dkim.privateKey } }),
    pool: true,
    maxConnections: connections,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/**
 * Strangers say what their address is, and mail programs read lists, groups and comments in one: what is anything but
 * one plain address would go to many.
 */
function isOneAddress(email: string): boolean {
  return email.length <= 320 && /^[^\s@<>,;:"()[\]\\]{1,64}@[^\s@<>,;:"()[\]\\]+$/.test(email);
}

async function sendOne(row: SendRow, own: Settings, transport: Transport, nowMs: number): Promise<Verdict> {
  const { email, message } = row;
  if (email === null || !isOneAddress(email)) return { kind: "drop", reason: "there is no e-mail address" };
  if (message.html === null && message.text === null)
    return {
      kind: "drop",
      reason: "a template of the destination's own can't be sent by SMTP: name a block",
    };
  const progress = { wasBegun: () => false };
  try {
    await transport.sendMail({
      progress,
      from: own.from,
      to: { name: "", address: email },
      ...(own.replyTo === undefined ? {} : { replyTo: own.replyTo }),
      subject: oneLine(message.subject ?? ""),
      ...(message.html === null ? {} : { html: message.html }),
      ...(message.text === null ? {} : { text: message.text }),
      messageId: messageIdOf(row.id, own.from),
      date: new Date(nowMs),
      headers: { ...unsubscribeHeaders(row, own), ...message.headers },
    });
    return { kind: "done" };
  } catch (error) {
    return verdictOf(error, progress.wasBegun());
  }
}

/** RFC 8058: one click for https addresses; both headers must be covered by DKIM, which nodemailer does. */
function unsubscribeHeaders(
  { profileId, message }: SendRow,
  { unsubscribe }: Settings,
): Record<string, string> {
  if (unsubscribe === undefined || message.topic === null) return {};
  const filled = unsubscribe
    .replaceAll("{profileId}", encodeURIComponent(profileId))
    .replaceAll("{topic}", encodeURIComponent(message.topic));
  return {
    "List-Unsubscribe": `<${filled}>`,
    ...(filled.startsWith("https:") ? { "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" } : {}),
  };
}

/** The same at every repeat, so that who gets it twice can be shown it once. */
export function messageIdOf(id: string, from: string): string {
  const domain = /@([^<>@\s]+?)>?$/.exec(from)?.[1] ?? "localhost";
  const local = new Bun.CryptoHasher("sha256").update(id).digest("hex").slice(0, 40);
  return `<${local}@${domain}>`;
}

interface SmtpError {
  readonly code: string;
  readonly responseCode: number | null;
  readonly message: string;
}

/** What the server answers is final; without an answer it may have taken what it began to read. */
function verdictOf(error: unknown, wasBegun: boolean): Verdict {
  const { code, responseCode, message } = smtpError(error);
  const reason = oneLine(message).slice(0, 500);
  if (code === "EAUTH" || responseCode === 530 || responseCode === 535) return { kind: "stop", reason };
  if (responseCode !== null && responseCode >= 500) return { kind: "drop", reason };
  if (responseCode !== null) return { kind: "retry", reason };
  if (code === "EENVELOPE" || code === "EMESSAGE") return { kind: "drop", reason };
  return wasBegun ? { kind: "unknown", reason } : { kind: "retry", reason };
}

function smtpError(error: unknown): SmtpError {
  const given: object = typeof error === "object" && error !== null ? error : {};
  const text = (name: string) => {
    const value: unknown = Reflect.get(given, name);
    return typeof value === "string" ? value : "";
  };
  const status: unknown = Reflect.get(given, "responseCode");
  return {
    code: text("code"),
    responseCode: typeof status === "number" ? status : null,
    message: text("message"),
  };
}

function described(row: SendRow, own: Settings): string {
  const { message, email } = row;
  const headers = Object.entries({ ...unsubscribeHeaders(row, own), ...message.headers });
  return [
    `From: ${own.from}`,
    `To: ${email ?? "nobody"}`,
    `Subject: ${oneLine(message.subject ?? "")}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    "",
    message.html ?? message.text ?? "",
  ].join("\n");
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\u0000]+/g, " ");
}

function credentials(url: string): string[] {
  const { username, password } = new URL(url);
  return [decodeURIComponent(username), decodeURIComponent(password)].filter((text) => text !== "");
}
