/** The mailbox of the demo's visitors: everybody sees the mails to themselves, by an id that nobody else is told. */
import type { Frames } from "./admin/api/frames.ts";
import { quietOutlet } from "./admin/api/keyActs.ts";
import type { CallOperation } from "./admin/operation.ts";
import type { MailsAnswer } from "./demoMails.ts";
import { mailbox, type MailboxSettings } from "./esp/destinations/mailbox.ts";
import { MailFolder } from "./esp/destinations/mailFolder.ts";
import type { DestinationSetting } from "./model/delivery/destinationSetting.ts";
import type { Identifier } from "./model/identifier.ts";
import type { Profiles } from "./store/profiles.ts";

const mostMails = 20;

/** The mailbox that freshet.yaml names; without one nobody has mails. */
export function demoMailbox(
  destinations: readonly DestinationSetting[],
  {
    profiles,
    frames,
    call,
  }: { readonly profiles: Profiles; readonly frames: Frames; readonly call: CallOperation },
): (identifier: Identifier) => Promise<MailsAnswer> {
  const setting = destinations.find(({ type }) => type === mailbox.type);
  // Its own schema made them.
  const own = setting?.own as MailboxSettings | undefined;
  const folder = own === undefined ? null : new MailFolder(own.folder, own.keep);
  return async ({ type, value }) => {
    const found = profiles.find("live", type, value);
    if (folder === null || found.kind !== "found") return { mails: [], last: null };
    const mails = await folder.of(found.profile.profileId, mostMails);
    const log = await call(
      "triggers.log",
      { namespace: "live", of: { type, value }, limit: 1 },
      quietOutlet(),
    );
    const [last] = log ?? [];
    return {
      mails: mails.map(({ messageId, sentAt, from, to, subject, text, html }) => {
        return { messageId, sentAt, from, to, subject, text, frame: frames.put(html ?? "") };
      }),
      last:
        last === undefined
          ? null
          : { at: new Date(last.atMs).toISOString(), outcome: last.outcome, reason: last.reason },
    };
  };
}
