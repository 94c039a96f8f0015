/** The sections `triggers` and `caps` of freshet.yaml: what is sent when, and how much of it one person gets. */
import { z } from "zod";
import { durationPattern, parseDuration } from "../lib/duration.ts";
import { isTimeZone } from "../lib/localDay.ts";
import { nearest } from "../lib/nearest.ts";
import type { DestinationSetting } from "../model/delivery/destinationSetting.ts";
import type { QuietHours, TriggerRules, TriggerSetting } from "../model/trigger.ts";
import { whereOf } from "./computedDefinitions.ts";
import { whereSchema } from "./computedTraits.ts";

const duration = z
  .string()
  .regex(durationPattern)
  .transform((text) => parseDuration(text) ?? 0);
const name = z.string().min(1).max(200);
const quietPattern = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;
const share = z.union([
  z.number().min(0).max(1),
  z
    .string()
    .regex(/^\d{1,3}(?:\.\d+)?%$/)
    .transform((text) => Number(text.slice(0, -1)) / 100)
    .refine((value) => value <= 1),
]);

/** Keys of a trigger, with what they are for. */
const keys = {
  when: {
    schema: z.union([
      z.strictObject({ enters: name }),
      z.strictObject({ event: name, where: whereSchema.optional() }),
    ]),
    description:
      "What sets it off: `{ enters: cart-abandoned }`, coming into a segment, also when only time passed; or `{ event: Order Completed, where: { total: { atLeast: 100 } } }`.",
  },
  send: {
    schema: z.union([
      z.strictObject({
        block: z.string().min(1).max(64),
        through: name,
        subject: z.string().min(1).max(1_000).optional(),
        channel: name.default("email"),
        topic: name.optional(),
      }),
      z.strictObject({
        template: name,
        through: name,
        subject: z.string().min(1).max(1_000).optional(),
        traits: z.array(name).max(200).default([]),
        channel: name.default("email"),
        topic: name.optional(),
      }),
    ]),
    description:
      "What is sent, `through` which destination: a `block` of content with a `subject` (Liquid over what the block needs), or the destination's own `template` with these `traits`. `topic` is what consent is asked about.",
  },
  limits: {
    schema: z
      .strictObject({
        oncePer: duration.optional(),
        quietHours: z.string().regex(quietPattern).optional(),
        timeZone: z.string().refine(isTimeZone).default("UTC"),
        maxLate: duration.optional(),
        holdout: share.default(0),
        requireFresh: z.boolean().default(false),
      })
      .prefault({}),
    description:
      'At most `oncePer: 7d`; never in `quietHours: "21:00-08:00"` by the clock of the profile (its trait `timezone`, else `timeZone`); not more than `maxLate` after it might have been sent; not to a `holdout: 5%`, to see what it is good for; with `requireFresh`, only while every value is live.',
  },
  goal: {
    schema: z.strictObject({ event: name, within: duration }),
    description:
      "What it is sent for: `{ event: Order Completed, within: 3d }`, counted of who got it and of who was held out.",
  },
  namespace: {
    schema: z.enum(["live", "test"]).default("live"),
    description: "Whose profiles set it off: `live` unless given.",
  },
} as const;

const triggerSchema = z.strictObject({
  when: keys.when.schema,
  send: keys.send.schema,
  limits: keys.limits.schema,
  goal: keys.goal.schema.optional(),
  namespace: keys.namespace.schema,
});

/** `triggers:` */
export const triggersSchema = z
  .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/), triggerSchema)
  .meta({
    description: "Messages that are sent when something happens, or when it is time.",
    expected: "a map of triggers, each with when and send",
  });

/** `caps:` */
export const capsSchema = z
  .array(z.strictObject({ most: z.int().min(1).max(1_000), within: duration, topic: name.optional() }))
  .max(20)
  .meta({
    description:
      "How many messages of all triggers together one person gets: `[{ most: 2, within: 1d, topic: marketing }]`; without topic, of any.",
    expected: "a list of { most, within, topic }",
  });

/** Keys of a trigger, for the reference. */
export const triggerKeys: readonly { readonly key: string; readonly description: string }[] = Object.entries(
  keys,
).map(([key, { description }]) => ({ key, description }));

interface Sections {
  readonly triggers?: z.output<typeof triggersSchema> | undefined;
  readonly caps?: z.output<typeof capsSchema> | undefined;
}

/** What is known of other sections, to hold triggers against. */
export interface TriggerContext {
  readonly segments: ReadonlySet<string>;
  readonly destinations: readonly DestinationSetting[];
  /** Whether destinations of that type can send messages. */
  readonly canSend: (type: string) => boolean;
}

/** The rules of the two sections, and what is wrong with them, each problem beginning with its place. */
export function triggerRules(
  { triggers = {}, caps = [] }: Sections,
  context: TriggerContext,
): { readonly rules: TriggerRules; readonly problems: readonly string[] } {
  const settings = Object.entries(triggers).map(([trigger, entry]) => settingOf(trigger, entry));
  return {
    rules: {
      triggers: settings,
      caps: caps.map(({ most, within, topic }) => ({ most, withinMs: within, topic: topic ?? null })),
    },
    problems: settings.flatMap((setting) => problemsOf(setting, context)),
  };
}

function settingOf(trigger: string, entry: z.output<typeof triggerSchema>): TriggerSetting {
  const { when, send, limits, goal, namespace } = entry;
  const { subject, topic, through, channel } = send;
  const common = { through, channel, subject: subject ?? null, topic: topic ?? null };
  return {
    name: trigger,
    namespace,
    when:
      "enters" in when
        ? { kind: "enters", segment: when.enters }
        : { kind: "event", event: when.event, where: Object.entries(whereOf(when.where ?? {})) },
    send:
      "block" in send
        ? { ...common, kind: "block", block: send.block }
        : { ...common, kind: "template", template: send.template, traits: send.traits },
    limits: {
      oncePerMs: limits.oncePer ?? null,
      quietHours: limits.quietHours === undefined ? null : quietHoursOf(limits.quietHours),
      timeZone: limits.timeZone,
      maxLateMs: limits.maxLate ?? null,
      holdout: limits.holdout,
      requireFresh: limits.requireFresh,
    },
    goal: goal === undefined ? null : { event: goal.event, withinMs: goal.within },
  };
}

function quietHoursOf(text: string): QuietHours {
  const [, fromHour = 0, fromMinute = 0, toHour = 0, toMinute = 0] = (quietPattern.exec(text) ?? []).map(
    Number,
  );
  return { fromMinute: fromHour * 60 + fromMinute, toMinute: toHour * 60 + toMinute };
}

function problemsOf(
  { name: trigger, namespace, when, send }: TriggerSetting,
  { segments, destinations, canSend }: TriggerContext,
): string[] {
  const place = `triggers.${trigger}`;
  const problems: string[] = [];
  if (when.kind === "enters" && !segments.has(when.segment))
    problems.push(
      `${place}.when.enters: there is no segment ${when.segment}${meant(when.segment, segments)}`,
    );
  const through = destinations.find((destination) => destination.name === send.through);
  const names = new Set(destinations.map((destination) => destination.name));
  if (through === undefined)
    problems.push(
      `${place}.send.through: there is no destination ${send.through}${meant(send.through, names)}`,
    );
  else if (!canSend(through.type))
    problems.push(`${place}.send.through: a destination of the type ${through.type} can't send messages`);
  else if (namespace === "test" && through.namespace === "live")
    problems.push(`${place}.namespace: test profiles never go to ${send.through}, which is live`);
  return problems;
}

function meant(given: string, known: ReadonlySet<string>): string {
  const near = nearest(given, known);
  return near === null ? "" : `; did you mean ${near}?`;
}
