/** What the demo tells a visitor of their mails; its pages are written against it. */

/** What a visitor is told: their mails, the newest first, and what became of their cart mail. */
export interface MailsAnswer {
  readonly mails: readonly {
    readonly messageId: string;
    readonly sentAt: string;
    readonly from: string;
    readonly to: string;
    readonly subject: string;
    readonly text: string | null;
    /** Where the mail itself is shown. */
    readonly frame: string;
  }[];
  /** The last time that a mail was due; null: it was not yet. */
  readonly last: {
    readonly at: string;
    readonly outcome: string;
    readonly reason: string | null;
  } | null;
}
