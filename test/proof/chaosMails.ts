/**
 * What triggers sent through a server that is killed and a mail server that fails: held against what was done to set
 * them off, and against what the server says of it itself.
 */
import type { TriggerEntry } from "../../src/store/ops/triggerTable.ts";
import { messageIdOf } from "../../src/esp/destinations/smtp.ts";
import type { MailServer, ReceivedMail } from "../support/mailServer.ts";
import type { Random } from "../support/random.ts";

const from = "Shop <hello@shop.example>";

/** How many may not be written to: no address, or a no. */
const silentEvery = 5;

export function emailOf(userId: string): string | null {
  return numberOf(userId) % silentEvery === 0 ? null : `${userId}@example.com`;
}

export function hasSaidNo(userId: string): boolean {
  return numberOf(userId) % silentEvery === 1;
}

/** Lines for freshet.yaml. */
export function mailConfig(
  url: string,
  content: string,
): { readonly all: string; readonly destination: string } {
  const send = (subject: string) =>
    `send: { block: thanks, through: mail, subject: ${subject}, topic: marketing }`;
  return {
    all: `content: { folder: ${JSON.stringify(content)} }
consent: { defaults: { email.marketing: opt-out } }
segments: { pros: { trait: tier, is: pro } }
triggers:
  bought: { when: { event: Bought }, ${send("Bought")} }
  pro: { when: { enters: pros }, ${send("Pro")}, limits: { oncePer: 7d, holdout: 20% } }
`,
    destination: `mail: { type: smtp, url: "${url}", requireTls: false, from: "${from}", unsubscribe: "https://shop.example/u?p={profileId}&t={topic}", privateNetwork: true }`,
  };
}

/** What was done to a person since they were last erased. */
interface Done {
  bought: number;
  isPro: boolean;
}

export class ChaosMails {
  readonly #server: MailServer;
  readonly #done = new Map<string, Done>();
  readonly #erased = new Set<string>();

  /** `share`: of the mails that fail in one way or another, until it is healed. */
  constructor(server: MailServer, random: Random, share: number) {
    this.#server = server;
    server.fate = () =>
      random.chance(share) ? random.pick(["refused", "refused", "broken"] as const) : "taken";
  }

  heal(): void {
    this.#server.fate = () => "taken";
  }

  bought(userId: string): void {
    this.#of(userId).bought += 1;
  }

  becamePro(userId: string): void {
    this.#of(userId).isPro = true;
  }

  erased(userId: string): void {
    this.#done.delete(userId);
    this.#erased.add(userId);
  }

  get mails(): readonly ReceivedMail[] {
    return this.#server.mails;
  }

  /** People to whom something was done. */
  get people(): readonly string[] {
    return [...this.#done.keys()].sort();
  }

  /** What is wrong, in sentences; empty where all is well. `entries`: all there are; `profileIdOf`: by user. */
  wrong(entries: readonly TriggerEntry[], profileIdOf: ReadonlyMap<string, string>): string[] {
    const times = new Map<string, number>();
    for (const { messageId } of this.mails) times.set(messageId, (times.get(messageId) ?? 0) + 1);
    const byMessage = new Map(entries.map((entry) => [messageIdOf(entry.item, from), entry]));
    return [
      ...[...times].flatMap(([id, count]) => (count === 1 ? [] : [`${id} was sent ${count} times`])),
      ...this.mails.flatMap((mail) => this.#wrongMail(mail, byMessage.get(mail.messageId))),
      ...[...byMessage].flatMap(([id, entry]) => wrongEntry(entry, times.get(id) ?? 0)),
      ...this.people.flatMap((userId) => this.#wrongPerson(userId, entries, profileIdOf.get(userId))),
    ];
  }

  /** To the right one alone, and known to the log. */
  #wrongMail({ to, subject, messageId }: ReceivedMail, entry: TriggerEntry | undefined): string[] {
    const userId = to.split("@")[0] ?? "";
    if (emailOf(userId) !== to || hasSaidNo(userId)) return [`${to} got a mail`];
    if (entry !== undefined) return entry.trigger === subject.toLowerCase() ? [] : [`${to} got ${subject}`];
    return this.#erased.has(userId) ? [] : [`nobody knows why ${to} got ${messageId}`];
  }

  #wrongPerson(userId: string, entries: readonly TriggerEntry[], profileId: string | undefined): string[] {
    const { bought, isPro } = this.#of(userId);
    const mine = entries.filter(({ profile }) => profile === profileId);
    const orders = mine.filter(({ trigger }) => trigger === "bought");
    const pros = mine.filter(({ trigger }) => trigger === "pro");
    const said = (these: readonly TriggerEntry[]) =>
      these.map(({ outcome, reason }) => `${outcome} ${reason ?? ""}`).join(", ") || "nothing";
    const mayGet = emailOf(userId) !== null && !hasSaidNo(userId);
    const got = (outcome: string) => ["sent", "uncertain"].includes(outcome) === mayGet;
    const wrong: string[] = [];
    if (orders.length !== bought || !orders.every(({ outcome }) => got(outcome)))
      wrong.push(`${userId} bought ${bought} times: ${said(orders)}`);
    const reached = pros.filter(({ outcome }) => ["sent", "uncertain", "held_out"].includes(outcome));
    if (reached.length !== (isPro && mayGet ? 1 : 0))
      wrong.push(`${userId} is ${isPro ? "" : "not "}pro: ${said(pros)}`);
    return wrong;
  }

  #of(userId: string): Done {
    const done = this.#done.get(userId) ?? { bought: 0, isPro: false };
    this.#done.set(userId, done);
    return done;
  }
}

/** What is said to be sent was received once, what is said not to be never was. */
function wrongEntry({ item, outcome, reason }: TriggerEntry, times: number): string[] {
  const isRight = outcome === "sent" ? times === 1 : outcome === "uncertain" ? times <= 1 : times === 0;
  const isSettled = outcome !== "queued" && outcome !== "dead";
  return isRight && isSettled
    ? []
    : [`${item} is ${outcome} ${reason ?? ""}, and was received ${times} times`];
}

function numberOf(userId: string): number {
  return Number(userId.slice(1));
}
