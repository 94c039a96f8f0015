/**
 * AMP e-mails ask for blocks from inside the reader's mail program, which tells who sent the e-mail and wants to hear
 * that this sender may ask: in version 2 by AMP-Email-Sender, in version 1 by __amp_source_origin beside an Origin
 * (https://amp.dev/documentation/guides-and-tutorials/email/learn/cors-in-email).
 */
import { Refusal } from "../../errors.ts";

export type AmpHeaders = Readonly<Record<string, string>>;

/** For who asks from no AMP e-mail. */
export const notAmp: AmpHeaders = {};
const addressForm = /^[^\s@,;<>"]{1,64}@[A-Za-z0-9.-]{1,255}$/;

/** What the answer has to say; `notAmp` for who asks from no AMP e-mail. Throws Refusal forbidden for other senders. */
export function ampHeaders(request: Request, query: URLSearchParams, senders: readonly string[]): AmpHeaders {
  const sender = request.headers.get("amp-email-sender");
  if (sender !== null) {
    checkSender(sender, senders);
    return { "AMP-Email-Allow-Sender": sender };
  }
  const sources = query.getAll("__amp_source_origin");
  if (sources.length === 0) return notAmp;
  const [source = "", ...more] = sources;
  const origin = request.headers.get("origin");
  if (more.length > 0 || origin === null || !isHttpsOrigin(origin))
    throw new Refusal("forbidden", { detail: "An AMP e-mail asks with an https origin and one sender." });
  checkSender(source, senders);
  return {
    "Access-Control-Allow-Origin": origin,
    "AMP-Access-Control-Allow-Source-Origin": source,
    "Access-Control-Expose-Headers": "AMP-Access-Control-Allow-Source-Origin",
  };
}

function checkSender(sender: string, senders: readonly string[]): void {
  const at = sender.lastIndexOf("@");
  const domain = sender.slice(at + 1).toLowerCase();
  const isKnown =
    addressForm.test(sender) &&
    senders.some((known) =>
      known.startsWith("*@") ? known.slice(2) === domain : known === `${sender.slice(0, at)}@${domain}`,
    );
  if (!isKnown)
    throw new Refusal("forbidden", { detail: "That sender's AMP e-mails may not ask for blocks." });
}

function isHttpsOrigin(origin: string): boolean {
  return URL.canParse(origin) && origin.startsWith("https://") && new URL(origin).origin === origin;
}
