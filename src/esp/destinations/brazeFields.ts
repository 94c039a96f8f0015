/**
 * What Braze takes of a profile's fields. What it would drop, cut or take for something else without a word is left out
 * here, and said. Sources, all below https://www.braze.com/docs: api/objects_filters/user_attributes_object,
 * user_guide/data/activation/attributes/data_types, …/nested_custom_attribute_support, …/standard_attributes.
 */
import { isTimeZone } from "../../lib/localDay.ts";
import type { Json, JsonObject } from "../../model/event.ts";

const maxTextLength = 255;
const maxItems = 500;
const maxNestedBytes = 100_000;

/** Say who somebody is, or how a request is meant. */
const reserved: ReadonlySet<string> = new Set([
  "external_id",
  "braze_id",
  "user_alias",
  "user_id",
  "app_id",
  "push_token_import",
]);

/** Fields of its own that an export does not have. */
const unreadable: ReadonlySet<string> = new Set([
  "date_of_first_session",
  "date_of_last_session",
  "email_click_tracking_disabled",
  "email_open_tracking_disabled",
  "facebook",
  "image_url",
  "marked_email_as_spam_at",
  "push_tokens",
  "subscription_groups",
  "twitter",
]);

const subscriptions = /^(opted_in|subscribed|unsubscribed)$/;
const anything = /^/;

/** Its fields that are texts, with what each must look like. */
const texts: Readonly<Record<string, { readonly looks: RegExp; readonly as: string }>> = {
  country: { looks: /^[A-Za-z]{2}$/, as: "a country code of two letters" },
  dob: { looks: /^\d{4}-\d\d-\d\d$/, as: "a date such as 1980-12-21" },
  email: { looks: /^[^\s@]+@[^\s@]+$/, as: "an e-mail address" },
  email_subscribe: { looks: subscriptions, as: "opted_in, subscribed or unsubscribed" },
  first_name: { looks: anything, as: "a text" },
  gender: { looks: /^[MFONP]$/, as: "M, F, O, N or P" },
  home_city: { looks: anything, as: "a text" },
  language: { looks: anything, as: "a text" },
  last_name: { looks: anything, as: "a text" },
  phone: { looks: anything, as: "a text" },
  push_subscribe: { looks: subscriptions, as: "opted_in, subscribed or unsubscribed" },
  time_zone: { looks: anything, as: "a text" },
};

/** Its own fields that an export shows under the same name. */
export const exported: readonly string[] = Object.keys(texts);

/** Why a field can't be sent; null: it can. */
export function refuseField(field: string, value: Json): string | null {
  // All that begin so steer the request, such as `_merge_objects`.
  if (reserved.has(field) || field.startsWith("_")) return "Braze keeps this name for itself";
  if (field === "bio") return "Braze has given this field up, and takes no attribute of that name";
  if (unreadable.has(field))
    return "Braze never shows this field again, so that nobody could tell what it has";
  if (field.length > maxTextLength) return `the name is longer than ${maxTextLength} characters`;
  const text = Object.hasOwn(texts, field) ? texts[field] : undefined;
  if (text !== undefined && (typeof value !== "string" || !text.looks.test(value)))
    return `it must be ${text.as}`;
  if (field === "time_zone" && typeof value === "string" && !isTimeZone(value))
    return "it must be a time zone such as Europe/Berlin";
  if (field === "current_location") return isPlace(value) ? null : "it must be { longitude, latitude }";
  return refuseValue(value);
}

function refuseValue(value: Json): string | null {
  if (typeof value === "string") return refuseText(value);
  if (typeof value !== "object" || value === null) return null;
  if (Buffer.byteLength(JSON.stringify(value)) > maxNestedBytes)
    return `the value is larger than ${maxNestedBytes} bytes`;
  if (!isList(value)) return isOperation(value) ? "Braze would take it for a change" : refuseInside(value);
  if (value.length > maxItems) return `it has more than ${maxItems} items`;
  for (const item of value) {
    if (item === null || isList(item)) return "a list must hold neither lists nor nulls";
    const reason = typeof item === "object" ? refuseInside(item) : refuseNested(item);
    if (reason !== null) return reason;
  }
  return null;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function refuseText(text: string): string | null {
  return text.length > maxTextLength ? `it is longer than ${maxTextLength} characters` : null;
}

/** `{ inc: 1 }` adds to a number, `{ add: […], remove: […] }` changes a list. */
function isOperation(value: JsonObject): boolean {
  const names = Object.keys(value);
  return names.length > 0 && names.every((name) => ["inc", "add", "remove", "update"].includes(name));
}

/** One value inside that Braze can't take makes it drop the whole. */
function refuseInside(value: JsonObject): string | null {
  for (const [name, inner] of Object.entries(value)) {
    if (name !== "$time" && /[\s.$]/.test(name)) return "names inside must have no space, dot or $";
    if (name === "" || name.length > maxTextLength)
      return `names inside must have 1 to ${maxTextLength} characters`;
    const reason = refuseNested(inner);
    if (reason !== null) return reason;
  }
  return null;
}

function refuseNested(value: Json): string | null {
  if (value === null) return "a value inside is null, and Braze would drop the whole";
  if (typeof value === "string") return refuseText(value);
  if (typeof value !== "object") return null;
  if (!isList(value)) return refuseInside(value);
  for (const item of value) {
    const reason = refuseNested(item);
    if (reason !== null) return reason;
  }
  return null;
}

function isPlace(value: Json): boolean {
  if (typeof value !== "object" || value === null || isList(value)) return false;
  const { longitude, latitude, ...rest } = value;
  return typeof longitude === "number" && typeof latitude === "number" && Object.keys(rest).length === 0;
}

/** Why an event can't be sent; docs/user_guide/data/activation/events/custom_events/custom_event_properties. */
export function refuseEvent(name: string, properties: JsonObject): string | null {
  if (name === "" || name.length > maxTextLength)
    return `an event's name must have 1 to ${maxTextLength} characters`;
  const names = Object.keys(properties);
  if (names.length > 256) return "it has more than 256 properties, and Braze would keep the first 256";
  const bad = names.find((one) => one === "" || one.length > maxTextLength || one.startsWith("$"));
  if (bad !== undefined)
    return `a property's name must have 1 to ${maxTextLength} characters and not begin with $`;
  const taken = names.find((one) => one === "time" || one === "event_name");
  if (taken !== undefined) return `Braze keeps the property ${taken} for itself`;
  return Buffer.byteLength(JSON.stringify(properties)) > maxNestedBytes
    ? `its properties are larger than ${maxNestedBytes} bytes`
    : null;
}
