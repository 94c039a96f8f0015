/** Every type of destination there is. A new one adds its line here, a page in docs/destinations and a fake in its test. */
import type { Destination } from "../deliver/destination.ts";
import { braze } from "./braze.ts";
import { customerio } from "./customerio.ts";
import { exportDestination } from "./export.ts";
import { httpDestination } from "./http.ts";
import { klaviyo } from "./klaviyo.ts";
import { mailbox } from "./mailbox.ts";
import { mailchimp } from "./mailchimp.ts";
import { mailchimpTransactional } from "./mailchimpTransactional.ts";
import { sendgrid } from "./sendgrid.ts";
import { smtp } from "./smtp.ts";
import { webhook } from "./webhook.ts";

// Each is given what its own schema made, so its settings are of no concern here.
export const destinationTypes: readonly Destination[] = [
  braze,
  customerio,
  httpDestination,
  klaviyo,
  mailbox,
  mailchimp,
  mailchimpTransactional,
  sendgrid,
  smtp,
  webhook,
  exportDestination,
].map((one) => one as unknown as Destination);
