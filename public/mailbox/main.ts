/** The demo's mailbox: the visitor's mails, the newest first, each as its receiver would see it. */
import "./style.css";
import type { MailsAnswer } from "../../src/demoMails.ts";
import { byId, h } from "../demo/dom.ts";
import { mailsOf } from "../demo/mails.ts";

type Mail = MailsAnswer["mails"][number];

const lookMs = 2_000;
const reasons: Readonly<Record<string, string>> = {
  no_address: "there is no address to write to: sign up in the shop first",
  once_per: "there was one within the last minute",
  left_segment: "the cart was no longer left alone when the mail was due",
  too_late: "it was too late for it when the server came back",
};

function start(anonymousId: string): void {
  let chosen: string | null = null;
  let shown = "";

  const draw = ({ mails, last }: MailsAnswer) => {
    const [newest] = mails;
    const at = mails.find(({ messageId }) => messageId === chosen) ?? newest;
    const state = JSON.stringify([
      mails.map(({ messageId, sentAt }) => [messageId, sentAt]),
      at?.messageId,
      last,
    ]);
    // Only what differs is drawn anew: the focus would be lost, and where one has read to.
    if (state === shown) return;
    shown = state;
    byId("count").textContent = mails.length === 1 ? "1 mail" : `${mails.length} mails`;
    const focused = document.activeElement?.getAttribute("data-mail") ?? null;
    byId("list").replaceChildren(
      ...mails.map((mail) =>
        row(mail, mail === at, () => {
          chosen = mail.messageId;
          draw({ mails, last });
        }),
      ),
    );
    if (focused !== null)
      byId("list")
        .querySelector<HTMLElement>(`[data-mail="${CSS.escape(focused)}"]`)
        ?.focus();
    byId("none").textContent = mails.length === 0 ? hint(last) : "";
    byId("open").hidden = at === undefined;
    if (at !== undefined && byId("open").dataset["mail"] !== at.messageId) {
      byId("open").dataset["mail"] = at.messageId;
      byId("open").replaceChildren(...opened(at));
    }
  };
  const look = async () => {
    if (!document.hidden) {
      const answer = await mailsOf(anonymousId);
      if (answer !== null) draw(answer);
    }
  };
  const again = () => {
    look()
      .catch(() => {})
      .finally(() => setTimeout(again, lookMs));
  };
  again();
}

function row(mail: Mail, isOpen: boolean, open: () => void): HTMLElement {
  return h(
    "li",
    {},
    h(
      "button",
      {
        type: "button",
        class: "mail-row",
        "data-mail": mail.messageId,
        "aria-current": String(isOpen),
        click: open,
      },
      h("span", { class: "from" }, nameOf(mail.from)),
      h("time", { datetime: mail.sentAt }, new Date(mail.sentAt).toLocaleTimeString()),
      h("span", { class: "subject" }, mail.subject),
    ),
  );
}

function opened(mail: Mail): readonly HTMLElement[] {
  const frame = h("iframe", { src: mail.frame, title: mail.subject, sandbox: "", class: "mail" });
  return [
    h("div", { class: "bar" }, h("h2", {}, mail.subject)),
    h(
      "dl",
      { class: "head" },
      h("dt", {}, "From"),
      h("dd", {}, mail.from),
      h("dt", {}, "To"),
      h("dd", {}, mail.to),
      h("dt", {}, "Sent"),
      h("dd", {}, h("time", { datetime: mail.sentAt }, new Date(mail.sentAt).toLocaleString())),
    ),
    frame,
    h("details", {}, h("summary", {}, "As plain text"), h("pre", { tabindex: 0 }, mail.text ?? "")),
  ];
}

function nameOf(from: string): string {
  return from.replace(/\s*<[^>]*>$/, "");
}

/** What to do for a mail, or why there was none. */
function hint(last: MailsAnswer["last"]): string {
  const usual = "Sign up in the shop, put something into the cart, and leave it alone for half a minute.";
  if (last === null) return `Nothing yet. ${usual}`;
  if (last.outcome === "queued") return "One is on its way.";
  const why = reasons[last.reason ?? ""] ?? last.reason?.replaceAll("_", " ") ?? last.outcome;
  return `One was due, and was not sent: ${why}.`;
}

const visitor =
  window.freshet === undefined || Array.isArray(window.freshet) ? null : window.freshet.anonymousId();
if (visitor === null) byId("none").textContent = "The server is not reached. Load the page again.";
else start(visitor);
