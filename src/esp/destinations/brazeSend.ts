/**
 * Messages through Braze: the campaign lies there, and is sent to one person with our values. An API-triggered campaign
 * is sent again by a repeat; a transactional one knows a repeat by `external_send_id`, for 24 hours.
 */
import { z } from "zod";
import type { Verdict } from "../../model/delivery/verdict.ts";
import type { Answered, Capability, OutRequest, SendRow } from "../deliver/destination.ts";
import { kindOf, post, reasonOf, type BrazeAccount } from "./brazeCalls.ts";

export interface BrazeSending extends BrazeAccount {
  /** The campaign that shows blocks; a trigger's `template` names another. */
  readonly campaign?: string | undefined;
  readonly transactional: boolean;
}

const maxBytes = 1_000_000;

export function brazeSend(own: BrazeSending): Capability<SendRow> {
  return {
    maxRows: 1,
    maxBytes,
    repeat: own.transactional ? "idempotent" : "uncertain",
    refuse: (row) => refuseMessage(own, row),
    way: {
      kind: "http",
      request: ([row]) => (own.transactional ? transactional(own, row) : triggered(own, row)),
      read: readSent,
    },
  };
}

function refuseMessage(
  { campaign, transactional: isTransactional }: BrazeSending,
  { key, message }: SendRow,
) {
  if (message.template === null && campaign === undefined)
    return "it has no template, and the destination no `campaign` that would show a block";
  return isTransactional && kindOf(key) === "email"
    ? "a transactional campaign is sent to a userId or an alias alone"
    : null;
}

function campaignOf({ campaign = "" }: BrazeSending, row: SendRow | undefined): string {
  return row?.message.template ?? campaign;
}

/** `{{ api_trigger_properties.${…} }}` in the campaign. */
function properties(row: SendRow | undefined): object {
  const { data = {}, subject = null, html = null, text = null } = row?.message ?? {};
  const shown = Object.entries({ subject, html, text }).filter(([, value]) => value !== null);
  return { ...data, ...Object.fromEntries(shown) };
}

function triggered(own: BrazeSending, row: SendRow | undefined): OutRequest {
  return post(own, "/campaigns/trigger/send", {
    campaign_id: campaignOf(own, row),
    recipients: [{ ...recipient(row), trigger_properties: properties(row) }],
  });
}

/** Somebody whom Braze does not know yet would get nothing, and its answer would be the same: so they are made. */
function recipient(row: SendRow | undefined): object {
  const { key = {}, email = null } = row ?? {};
  const kind = kindOf(key);
  const attributes = email === null ? {} : { attributes: { email } };
  if (kind === "user_alias") return { user_alias: key, ...attributes };
  return {
    ...(kind === "email"
      ? { email: key[kind], prioritization: ["unidentified", "most_recently_updated"] }
      : { external_user_id: key[kind] }),
    ...(email === null ? {} : { send_to_existing_only: false }),
    ...attributes,
  };
}

function transactional(own: BrazeSending, row: SendRow | undefined): OutRequest {
  const { key = {}, id = "", email = null } = row ?? {};
  const name = kindOf(key) === "external_id" ? { external_user_id: key["external_id"] } : { user_alias: key };
  return post(own, `/transactional/v1/campaigns/${encodeURIComponent(campaignOf(own, row))}/send`, {
    // It takes letters, digits and -_+/= alone.
    external_send_id: /^[A-Za-z0-9_+/=-]{1,200}$/.test(id) ? id : Buffer.from(id).toString("base64url"),
    trigger_properties: properties(row),
    recipient: { ...name, ...(email === null ? {} : { attributes: { email } }) },
  });
}

const sentSchema = z
  .looseObject({
    message: z.string().optional(),
    dispatch_id: z.string().optional(),
    status: z.string().optional(),
    errors: z.array(z.unknown()).nullish(),
  })
  .refine(({ message, dispatch_id }) => message !== undefined || dispatch_id !== undefined);

function readSent({ status, text }: Answered): Verdict | null {
  // So it answers to an `external_send_id` that it has taken already.
  if (status >= 400 && status < 500 && text.includes("external reference has been queued"))
    return { kind: "done" };
  if (status >= 300) return null;
  const sent = sentSchema.parse(JSON.parse(text));
  const [said] = sent.errors ?? [];
  if (said !== undefined) return { kind: "drop", reason: reasonOf(said) };
  return sent.status === "aborted" ? { kind: "drop", reason: "Braze: aborted" } : { kind: "done" };
}
