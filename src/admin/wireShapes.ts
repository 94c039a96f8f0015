/** The shapes that cross HTTP, as TypeBox schemas; /openapi.json is made of them (docs/protocol.md says them in words). */
import { servedFromLevels } from "../model/freshness.ts";
import { Type, type TSchema } from "@sinclair/typebox";

const Nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: "date-time", description: "ISO 8601, UTC, milliseconds" });
const Id = Type.String({ minLength: 1, maxLength: 512 });
const Data = Type.Record(Type.String(), Type.Unknown());

const EventFields = {
  messageId: Type.Optional(Id),
  userId: Type.Optional(Id),
  anonymousId: Type.Optional(Id),
  timestamp: Type.Optional(Time),
  originalTimestamp: Type.Optional(Time),
  sentAt: Type.Optional(Time),
  context: Type.Optional(Data),
  integrations: Type.Optional(Data),
  writeKey: Type.Optional(Type.String()),
};

export const Track = Type.Object({
  ...EventFields,
  event: Type.String({ minLength: 1 }),
  properties: Type.Optional(Data),
});
export const Identify = Type.Object({ ...EventFields, traits: Type.Optional(Data) });
export const Page = Type.Object({
  ...EventFields,
  name: Type.Optional(Type.String()),
  properties: Type.Optional(Data),
});
export const Group = Type.Object({ ...EventFields, groupId: Id, traits: Type.Optional(Data) });
export const Alias = Type.Object({ ...EventFields, previousId: Id, userId: Id });
/** An event that says itself what it is. */
export const BatchEvent = Type.Object(
  { ...EventFields, type: Type.String({ description: "track, identify, page, screen, group or alias" }) },
  { additionalProperties: true },
);
export const Batch = Type.Object({
  batch: Type.Array(BatchEvent, { maxItems: 2_500 }),
  sentAt: Type.Optional(Time),
  context: Type.Optional(Data),
  integrations: Type.Optional(Data),
  writeKey: Type.Optional(Type.String()),
});

const EventErrorShape = Type.Object({ code: Type.String(), message: Type.String(), hint: Type.String() });

export const Accepted = Type.Object({
  success: Type.Literal(true),
  rejected: Type.Optional(
    Type.Array(
      Type.Object({
        index: Type.Integer(),
        messageId: Nullable(Type.String()),
        quarantineId: Type.Optional(
          Type.String({ description: "absent where the tracking plan blocks the event" }),
        ),
        error: EventErrorShape,
      }),
    ),
  ),
});

/** One line of the answer to a stream; only those that say `ok: false` hold an error. */
export const LineAnswer = Type.Object({
  line: Type.Integer({ description: "counted from 1, blank lines too" }),
  ok: Type.Boolean(),
  messageId: Type.Optional(Nullable(Type.String())),
  quarantineId: Type.Optional(Type.String()),
  error: Type.Optional(EventErrorShape),
});

export const ErrorShape = Type.Object({
  error: Type.Object({
    code: Type.String(),
    message: Type.String(),
    hint: Type.String(),
    docs: Type.String(),
    requestId: Type.String(),
  }),
});

const IdentifierShape = Type.Object({ type: Type.String(), value: Type.String() });

export const Profile = Type.Object({
  profileId: Type.String(),
  version: Type.Integer(),
  firstSeenAt: Time,
  lastSeenAt: Time,
  identifiers: Type.Array(IdentifierShape),
  traits: Data,
  segments: Type.Array(Type.String()),
});

const TraitShape = Type.Object({
  value: Type.Unknown(),
  updatedAt: Nullable(Time),
  receivedAt: Nullable(Time),
  ageMs: Nullable(Type.Integer()),
  source: Nullable(Type.String()),
  eventMessageId: Nullable(Type.String()),
  servedFrom: Nullable(Type.Union(servedFromLevels.map((level) => Type.Literal(level)))),
  parts: Type.Optional(
    Type.Record(
      Type.String({ description: "JSON Pointer within the trait" }),
      Type.Object({
        updatedAt: Time,
        receivedAt: Time,
        source: Type.String(),
        eventMessageId: Type.String(),
      }),
    ),
  ),
  computed: Type.Optional(
    Type.Object({
      window: Nullable(Type.String({ description: "a duration such as 24h; null: all events count" })),
      eventMessageIds: Type.Array(Type.String(), { maxItems: 100, description: "newest first" }),
      eventCount: Type.Integer(),
      nextChangeAt: Nullable(Time),
      approximate: Type.Boolean(),
    }),
  ),
});

/** With `verbose=true`. */
export const VerboseProfile = Type.Object({
  profileId: Type.String(),
  version: Type.Integer(),
  asOf: Time,
  firstSeenAt: Nullable(Time),
  lastSeenAt: Nullable(Time),
  identifiers: Type.Array(IdentifierShape),
  traits: Type.Record(Type.String(), TraitShape),
  segments: Type.Array(Type.Object({ name: Type.String(), since: Time })),
  consent: Type.Optional(
    Type.Record(
      Type.String({ description: "channel or channel.topic" }),
      Type.Object({
        status: Type.String({ description: "granted, denied or unknown" }),
        updatedAt: Nullable(Time),
        source: Nullable(Type.String()),
        legalBasis: Nullable(Type.String()),
        eventMessageId: Nullable(Type.String()),
      }),
    ),
  ),
  suppressions: Type.Optional(
    Type.Array(
      Type.Object({
        channel: Type.String(),
        reason: Type.String({ description: "unsubscribed, bounced, complained or manual" }),
        address: Nullable(Type.String()),
        since: Time,
        source: Type.String(),
        eventMessageId: Type.String(),
      }),
    ),
  ),
});

export const ProfileBatchRequest = Type.Object({ ids: Type.Array(Type.String(), { maxItems: 1_000 }) });
export const ProfileBatch = Type.Object({
  profiles: Type.Array(
    Type.Union([Profile, VerboseProfile, Type.Object({ id: Type.String(), error: EventErrorShape })]),
  ),
});

export const History = Type.Object({ events: Type.Array(Data), nextCursor: Nullable(Type.String()) });

export const Links = Type.Object({
  links: Type.Array(
    Type.Object({
      from: IdentifierShape,
      to: IdentifierShape,
      by: Type.String({ description: "link, alias or claim" }),
      standing: Type.String({ description: "counts, blocked, limit, untrusted or undone" }),
      event: Type.Object({ messageId: Type.String(), type: Type.String(), source: Type.String() }),
      timestamp: Time,
      receivedAt: Time,
    }),
  ),
  nextCursor: Nullable(Type.String()),
});

export const ChangeShape = Type.Object({
  profileId: Type.String(),
  version: Type.Integer(),
  identifiers: Type.Array(IdentifierShape),
  cause: Type.String({ description: "event, time, merge, undo, definition, import or erase" }),
  event: Nullable(
    Type.Object({
      messageId: Type.String(),
      type: Type.String(),
      name: Nullable(Type.String()),
      source: Type.String(),
    }),
  ),
  timestamp: Time,
  receivedAt: Nullable(Time),
  committedAt: Time,
  traits: Type.Record(Type.String(), Type.Object({ old: Type.Unknown(), new: Type.Unknown() })),
  segments: Type.Object({ entered: Type.Array(Type.String()), exited: Type.Array(Type.String()) }),
  consent: Type.Optional(Type.Record(Type.String(), Type.Object({ old: Type.String(), new: Type.String() }))),
  suppressions: Type.Optional(
    Type.Record(
      Type.String(),
      Type.Object({ old: Type.Array(Type.String()), new: Type.Array(Type.String()) }),
    ),
  ),
  mergedFrom: Type.Optional(Type.Array(Type.String())),
});

export const ChangePage = Type.Object({ changes: Type.Array(Type.Unknown()), nextCursor: Type.String() });
export const Alive = Type.Object({ status: Type.Literal("ok") });
export const Readiness = Type.Object({
  status: Type.String({ description: "ready, starting, rebuilding or draining" }),
  progress: Type.Optional(Nullable(Type.Number())),
});

export const FeedTokenRequest = Type.Object({
  profile: Type.String({ description: "type:value", maxLength: 600 }),
  ttlMs: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 86_400_000, default: 900_000 })),
});
export const FeedToken = Type.Object({ token: Type.String(), profile: Type.String(), expiresAt: Time });

const NeedServed = Type.Object({
  servedFrom: Nullable(Type.String()),
  ageMs: Nullable(Type.Number()),
  maxAgeMs: Nullable(Type.Number()),
});

export const Content = Type.Object({
  block: Type.String(),
  version: Type.String(),
  html: Type.String(),
  text: Type.String(),
  data: Type.Record(Type.String(), Type.Unknown()),
  servedFrom: Nullable(Type.String({ description: "the worst of live, lastKnown, segmentDefault, default" })),
  reason: Nullable(Type.String({ description: "why it is not live" })),
  freshness: Type.Record(Type.String(), NeedServed),
  receipt: Nullable(Type.String({ description: "rcp_…; what was sent can be found again by it" })),
});

export const PreflightRequest = Type.Union([
  Type.Object({ segment: Type.String() }),
  Type.Object({ ids: Type.Array(Type.String(), { minItems: 1, maxItems: 50_000 }) }),
  Type.Object({ all: Type.Literal(true) }),
]);

const Counts = Type.Record(Type.String(), Type.Integer());

export const Preflight = Type.Object({
  block: Type.String(),
  version: Type.String(),
  recipients: Type.Integer(),
  coverage: Type.Number({ description: "share of recipients who get the block itself and no fallback" }),
  levels: Counts,
  reasons: Counts,
  needs: Type.Record(
    Type.String(),
    Type.Object({
      levels: Counts,
      ages: Type.Array(Type.Integer(), {
        description: "recipients by age of the value: up to 1 m, 1 h, 1 d, 7 d, 30 d, 90 d, older",
      }),
    }),
  ),
  worst: Type.Array(Type.Unknown()),
  samples: Type.Array(Type.Unknown()),
  load: Type.Unknown(),
});

export const Receipt = Type.Object({
  receipt: Type.String(),
  at: Type.String(),
  profileId: Nullable(Type.String()),
  profileVersion: Nullable(Type.Integer()),
  block: Type.String(),
  version: Type.String(),
  form: Type.String(),
  notModified: Type.Boolean(),
  servedFrom: Nullable(Type.String()),
  reason: Nullable(Type.String()),
  contentHash: Type.String({ description: "of the HTML and the text" }),
  caller: Type.String({ description: "the id of the key that asked" }),
  traits: Type.Record(
    Type.String(),
    Type.Object({
      servedFrom: Nullable(Type.String()),
      updatedAt: Nullable(Type.String()),
      ageMs: Nullable(Type.Integer()),
    }),
  ),
});

export const Receipts = Type.Object({ receipts: Type.Array(Receipt), nextCursor: Nullable(Type.String()) });

export const ContentRequest = Type.Object({ ids: Type.Array(Type.String(), { minItems: 1, maxItems: 100 }) });

export const Contents = Type.Object({
  results: Type.Array(Type.Intersect([Type.Object({ id: Type.String() }), Content])),
});
