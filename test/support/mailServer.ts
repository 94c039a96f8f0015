/** A real SMTP server on a free port, in this process, that keeps what it receives and may be told to fail. */
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";

/** A mail as it was received and parsed. */
export interface ReceivedMail {
  readonly to: string;
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  readonly messageId: string;
  readonly headers: ReadonlyMap<string, unknown>;
  readonly raw: string;
}

export interface MailServer extends AsyncDisposable {
  /** `smtp://127.0.0.1:<port>` */
  readonly url: string;
  readonly mails: readonly ReceivedMail[];
  /** What the next mails are answered in place of 250; empty: they are taken. */
  readonly refusals: { code: number; message: string }[];
  /** How many are connected now. */
  clients(): number;
}

/** Starts one; it offers no TLS. */
export async function mailServer(): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const refusals: { code: number; message: string }[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    logger: false,
    onData: (stream, _session, answered) => {
      const chunks: Uint8Array[] = [];
      stream.on("data", (chunk) => chunks.push(chunk));
      stream.on("end", () => {
        const refusal = refusals.shift();
        if (refusal !== undefined) {
          answered(Object.assign(new Error(refusal.message), { responseCode: refusal.code }));
          return;
        }
        received(Buffer.concat(chunks))
          .then((mail) => mails.push(mail))
          .then(() => answered(), answered);
      });
    },
  });
  const listening = Promise.withResolvers<number>();
  server.listen(0, "127.0.0.1", () => listening.resolve(server.server.address().port));
  const port = await listening.promise;
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    refusals,
    clients: () => server.connections.size,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function received(raw: Buffer): Promise<ReceivedMail> {
  const mail = await simpleParser(raw);
  return {
    to: mail.to?.text ?? "",
    subject: mail.subject ?? "",
    html: mail.html === false ? "" : mail.html,
    text: mail.text ?? "",
    messageId: mail.messageId ?? "",
    headers: mail.headers,
    raw: raw.toString("latin1"),
  };
}
