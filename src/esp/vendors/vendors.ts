/** Every ESP whose rules we know. */
import { braze } from "./braze.ts";
import { brevo } from "./brevo.ts";
import { customerio } from "./customerio.ts";
import { hubspot } from "./hubspot.ts";
import { iterable } from "./iterable.ts";
import { klaviyo } from "./klaviyo.ts";
import { activecampaign, mailchimp, sendgrid } from "./pushed.ts";
import { salesforce } from "./salesforce.ts";
import type { Vendor } from "./vendor.ts";

/** In the order of the docs. */
export const vendors: readonly Vendor[] = [
  braze,
  iterable,
  salesforce,
  customerio,
  klaviyo,
  mailchimp,
  sendgrid,
  hubspot,
  brevo,
  activecampaign,
];

/** The ESP of that name; null if we know none. */
export function vendorOf(id: string): Vendor | null {
  return vendors.find((vendor) => vendor.id === id) ?? null;
}
