/** The section `consent` of freshet.yaml: what holds where nothing is known, and what a consent banner's categories stand for. */
import { z } from "zod";
import { consentName, isConsentKey, noConsentRules, type ConsentRules } from "../model/consentRule.ts";

const mode = z.enum(["opt-in", "opt-out"]);
const channelOrTopic = z.string().refine(isConsentKey);
const topic = z.string().regex(consentName);
const most = 200;

const keys = {
  defaults: {
    schema: z.record(channelOrTopic, mode),
    description:
      "What holds of a channel or a topic of it as long as a profile says nothing: opt-in, nobody is written to who has not agreed; opt-out, everybody who has not declined.",
    expected: "a map such as { email.marketing: opt-in, push: opt-out }",
  },
  otherwise: {
    schema: mode,
    description: "The same for channels and topics that are not named there; opt-in unless given.",
    expected: "opt-in or opt-out",
  },
  transactional: {
    schema: z.array(topic).max(most),
    description:
      "Topics that people need and get without having agreed, such as receipts; an unsubscription from the channel does not stop them, a bounce, a complaint or their own no does.",
    expected: "a list of topics, such as [orders]",
  },
  categories: {
    schema: z.record(z.string().min(1).max(200), z.array(channelOrTopic).min(1).max(most)),
    description:
      "What the categories of a consent banner stand for, read from Segment Consent Preference Updated; a category that is not named here says nothing.",
    expected: "a map of categories, such as { Marketing: [email.marketing, push] }",
  },
} as const;

type KeyName = keyof typeof keys;
const keyNames = Object.keys(keys) as KeyName[];
const sectionExpected = `a map of ${keyNames.join(", ")}`;

/** `consent:` */
export const consentSchema = z
  .strictObject({
    defaults: keys.defaults.schema.meta({ description: keys.defaults.description }).optional(),
    otherwise: keys.otherwise.schema.meta({ description: keys.otherwise.description }).optional(),
    transactional: keys.transactional.schema.meta({ description: keys.transactional.description }).optional(),
    categories: keys.categories.schema.meta({ description: keys.categories.description }).optional(),
  })
  .meta({
    description:
      "What holds where a profile says nothing about consent, and what a banner's categories mean.",
    expected: sectionExpected,
  });

/** The rules that the section stands for. */
export function consentRulesOf(section: z.output<typeof consentSchema> = {}): ConsentRules {
  const { defaults = {}, otherwise, transactional = [], categories = {} } = section;
  return {
    ...noConsentRules,
    defaults: Object.fromEntries(Object.entries(defaults).map(([key, value]) => [key, statusOf(value)])),
    otherwise: statusOf(otherwise ?? "opt-in"),
    transactional,
    categories,
  };
}

function statusOf(value: z.output<typeof mode>): "granted" | "denied" {
  return value === "opt-in" ? "denied" : "granted";
}

/** What is wrong at one place of the section. */
export function describeConsent(issue: z.core.$ZodIssue, at: readonly string[]): string {
  if (issue.code === "unrecognized_keys")
    return issue.keys
      .map((key) => `consent.${key} is unknown; known here: ${keyNames.join(", ")}`)
      .join("; ");
  const known = keyNames.find((name) => name === at[1]);
  return `${at.join(".")}: expected ${known === undefined ? sectionExpected : keys[known].expected}`;
}

/** The keys of the section, for the reference. */
export const consentKeys: readonly {
  readonly key: string;
  readonly description: string;
  readonly expected: string;
}[] = keyNames.map((key) => ({ key, description: keys[key].description, expected: keys[key].expected }));
