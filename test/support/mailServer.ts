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
  /**
   * What comes of each mail, once it is whole: it is taken, refused for now, or taken and the connection broken before
   * that is said.
   */
  fate: () => "taken" | "refused" | "broken";
  /** Breaks all connections. */
  cut(): void;
  /** How many are connected now. */
  clients(): number;
}

/** Starts one; it offers no TLS, or speaks it from the start, under a certificate that nobody trusts. */
export async function mailServer({ secure = false } = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const refusals: { code: number; message: string }[] = [];
  const state: Pick<MailServer, "fate"> = { fate: () => "taken" };
  const server = new SMTPServer({
    secure,
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    logger: false,
    onData: (stream, session, answered) => {
      const chunks: Uint8Array[] = [];
      stream.on("data", (chunk) => chunks.push(chunk));
      stream.on("end", () => {
        const refusal = refusals.shift();
        if (refusal !== undefined) {
          answered(Object.assign(new Error(refusal.message), { responseCode: refusal.code }));
          return;
        }
        const fate = state.fate();
        if (fate === "refused") return answered(Object.assign(new Error("not now"), { responseCode: 451 }));
        received(Buffer.concat(chunks))
          .then((mail) => mails.push(mail))
          .then(() => {
            if (fate === "taken") return answered();
            for (const { id, _socket } of server.connections) if (id === session.id) _socket.destroy();
          }, answered);
      });
    },
  });
  const listening = Promise.withResolvers<number>();
  // Whoever does not trust it breaks off.
  server.on("error", () => {});
  server.listen(0, "127.0.0.1", () => listening.resolve(server.server.address().port));
  const port = await listening.promise;
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    refusals,
    get fate() {
      return state.fate;
    },
    set fate(fate) {
      state.fate = fate;
    },
    cut: () => {
      for (const { _socket } of server.connections) _socket.destroy();
    },
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
