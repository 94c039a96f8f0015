/** The visitor's mails: how many there are, and a word when one has come. */
import type { MailsAnswer } from "../../src/demoMails.ts";
import { byId, h } from "./dom.ts";

const lookMs = 1_500;
/** Looks after a cart was left behind: a mail is there within seconds, or it won't come. */
const mostLooks = 20;

/** Null where the server can't be asked for the moment. */
export async function mailsOf(anonymousId: string): Promise<MailsAnswer | null> {
  const answer = await fetch("/demo/mails", { method: "POST", body: JSON.stringify({ anonymousId }) });
  return answer.ok ? ((await answer.json()) as MailsAnswer) : null;
}

export interface MailWatch {
  /** A cart was left behind, so that a mail may be on its way. */
  await(): void;
  /** Looks now; what is there is not new. */
  begin(anonymousId: string): void;
}

export function watchMails(): MailWatch {
  let visitor = "";
  let seen = 0;
  let looks = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const show = ({ mails, last }: MailsAnswer, isNew: boolean) => {
    const badge = byId("mails");
    badge.hidden = mails.length === 0;
    badge.textContent = String(mails.length);
    const [newest] = mails;
    const word = byId("came");
    if (isNew && newest !== undefined)
      word.replaceChildren("A mail has come: ", h("a", { href: "/demo/mailbox" }, newest.subject));
    else if (looks > 0 && last?.outcome === "skipped" && last.reason === "no_address")
      word.replaceChildren(
        "No mail was sent: there is no address. Sign up, change the cart and leave it again.",
      );
  };
  const look = async () => {
    const asked = visitor;
    const answer = await mailsOf(asked);
    if (answer === null || asked !== visitor) return;
    const isNew = looks > 0 && answer.mails.length > seen;
    show(answer, isNew);
    seen = answer.mails.length;
    if (isNew) looks = 0;
  };
  const again = () => {
    clearTimeout(timer);
    if (looks === 0) return;
    timer = setTimeout(() => {
      looks -= 1;
      look()
        .catch(() => {})
        .finally(again);
    }, lookMs);
  };
  return {
    await: () => {
      looks = mostLooks;
      again();
    },
    begin: (anonymousId) => {
      visitor = anonymousId;
      looks = 0;
      seen = 0;
      clearTimeout(timer);
      byId("came").replaceChildren();
      show({ mails: [], last: null }, false);
      look().catch(() => {});
    },
  };
}
