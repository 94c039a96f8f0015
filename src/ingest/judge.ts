/**
 * The judge: decides, from nothing but a frame, what each event in it is. Pure; it runs in the writer's thread.
 *
 *   bytes → UTF-8 → scan → JSON.parse (once) → per event: keys, size, depth, numbers, shape, messageId, time
 *
 * What breaks the body as a whole refuses the frame; what breaks one event rejects that event alone.
 */
import { eventError, type ErrorCode, type EventError } from "../errors.ts";
import { ignoredIn, withoutIgnored } from "../model/guard.ts";
import { eventTypes, type Event, type EventType } from "../model/event.ts";
import { factsIn } from "../model/facts.ts";
import { decidedTraits } from "../model/traitRules.ts";
import type { Frame, Judge, Judged, Restore, Verdict } from "../store/accept.ts";
import { decideTime } from "./clockRules.ts";
import { sharedContextIn, withConsentContext } from "./consentContext.ts";
import { factsOf, withFacts } from "./eventFacts.ts";
import { withExternalIds } from "./externalIds.ts";
import { extraToKeep, plainKeeping, textToKeep, type Keeping } from "./kept.ts";
import { maxBatchEvents, maxDepth, maxEventBytes } from "./limits.ts";
import { unpackLines } from "./lines.ts";
import { isObject, readId, readShape, type Envelope, type Shape } from "./normalise.ts";
import { holdsProtoKey, scanBatch, scanValue, skipSpace, type Scanned, type ScannedBatch } from "./scan.ts";
import { noShared, readShared, type Shared } from "./shared.ts";

/** A byte order mark stays in the text, where JSON.parse refuses it. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const invalidUtf8 = refused("invalid_json", 400, "The body is not valid UTF-8.");
const invalidJson = refused("invalid_json", 400);
const lineNotUtf8 = eventError("invalid_json", "The event is not valid UTF-8.");
const lineNotJson = eventError("invalid_json", "The event is not valid JSON.");
const noBatch = refused(
  "invalid_event",
  400,
  "The body must be one object whose batch is an array of events.",
);
const batchTooLarge = refused("batch_too_large", 413);
const tooDeepAround = refused("too_deep", 400);
const forbiddenAround = refused(
  "forbidden_key",
  400,
  "The body holds a __proto__ key or a key twice beside its batch.",
);
const infiniteAround = refused("invalid_json", 400, "The body holds a number beyond the range of a double.");

const notAnObject = eventError("invalid_event", "An event must be an object.");
const unknownType = eventError("invalid_event", `type must be one of ${eventTypes.join(", ")}.`);
const tooLarge = eventError("too_large", "The event is larger than 32 KB.");
const tooDeep = eventError("too_deep");
const protoKey = eventError("forbidden_key", "The event holds a __proto__ key.");
const doubleKey = eventError("forbidden_key", "A key stands twice in the event.");
const infiniteNumber = eventError("invalid_event", "The event holds a number beyond the range of a double.");

function refused(code: ErrorCode, status: number, detail?: string): Verdict {
  return { kind: "refused", error: eventError(code, detail), status };
}

/** What the judge is given beside a frame. */
interface Judging extends Keeping {
  readonly mintId: () => string;
}

/** Judges one request; never throws on any input. */
export const judge: Judge = judgeWith(plainKeeping);

/** The same, keeping and finding out what is asked for. */
export function judgeWith(keeping: Keeping): Judge {
  return (frame, mintId) => judgeFrame(frame, { ...keeping, mintId });
}

function judgeFrame(frame: Frame, judging: Judging): Verdict {
  if (frame.call === "stream") return judgeLines(frame, judging);
  const text = decode(frame.body);
  if (text === null) return invalidUtf8;
  return frame.call === "batch" || frame.call === "import"
    ? judgeBatch(frame, text, judging)
    : judgeSingle(frame, frame.call, text, judging);
}

/** Makes the event again that was accepted with this text. Its time, and which traits it may set, were decided once and are stored. */
export const restore: Restore = (stored) => {
  const envelope = JSON.parse(utf8.decode(stored.raw)) as Envelope;
  const shape = readShape(stored.type, envelope);
  if (shape.kind === "problem")
    throw new Error(`a stored ${stored.type} can't be read: ${shape.error.message}`);
  const traits = decidedTraits(shape.traits, stored.extra);
  const decided = traits === shape.traits ? shape : { ...shape, traits };
  const event = makeEvent(stored, stored.type, decided, stored.messageId, stored.timestampMs, stored.index);
  const told = withConsentContext(withExternalIds(event, envelope), envelope, sharedContextIn(stored.extra));
  return withFacts(withoutIgnored(told, ignoredIn(stored.extra)), factsIn(stored.extra));
};

function judgeSingle(frame: Frame, type: EventType, text: string, judging: Judging): Verdict {
  const { body } = frame;
  const scanned = scanValue(body, skipSpace(body, 0));
  const parsed = scanned.depth > maxDepth ? null : parse(text);
  if (parsed === undefined) return invalidJson;
  const guarded = mayHoldProtoKey(text) && holdsProtoKey(body, 0, body.length);
  const event: Candidate = {
    value: parsed,
    type,
    raw: body,
    bytes: body.length,
    scanned,
    holdsProto: guarded,
  };
  return { kind: "judged", events: [judgeEvent(frame, event, noShared, 0, judging)] };
}

function judgeBatch(frame: Frame, text: string, judging: Judging): Verdict {
  const { body } = frame;
  const layout = scanBatch(body, maxBatchEvents);
  if (layout?.tooMany === true) return batchTooLarge;
  if (layout !== null && layout.depth > maxDepth) return tooDeepAround;
  const parsed = parse(
    layout === null || !layout.elements.some(isTooDeep) ? text : withoutDeep(body, layout),
  );
  if (parsed === undefined) return invalidJson;
  if (!isObject(parsed) || !Array.isArray(parsed["batch"]) || layout === null) return noBatch;
  const guarded = mayHoldProtoKey(text);
  if (Object.keys(parsed).length !== layout.keys || (guarded && protoKeyAround(body, layout)))
    return forbiddenAround;
  if (layout.infinite) return infiniteAround;
  const shared = readShared(parsed, judging.keepIp);
  if (shared.kind === "problem") return { kind: "refused", error: shared.error, status: 400 };
  return { kind: "judged", events: judgeElements(frame, parsed["batch"], layout, shared, guarded, judging) };
}

function judgeElements(
  frame: Frame,
  batch: readonly unknown[],
  layout: ScannedBatch,
  shared: Shared,
  guarded: boolean,
  judging: Judging,
): Judged[] {
  const { body } = frame;
  const events: Judged[] = [];
  for (let index = 0; index < layout.elements.length; index += 1) {
    const scanned = layout.elements[index];
    if (scanned === undefined) break;
    const value = batch[index];
    const candidate: Candidate = {
      value,
      type: typeIn(value),
      raw: body.subarray(scanned.start, scanned.end),
      bytes: scanned.end - scanned.start,
      scanned,
      holdsProto: guarded && holdsProtoKey(body, scanned.start, scanned.end),
    };
    events.push(judgeEvent(frame, candidate, shared, index, judging));
  }
  return events;
}

function judgeLines(frame: Frame, judging: Judging): Verdict {
  const { first, texts, lastEventId } = unpackLines(frame.body);
  const events = texts.map((raw, at) => judgeLine(frame, raw, first + at, judging));
  return lastEventId === null ? { kind: "judged", events } : { kind: "judged", events, lastEventId };
}

function judgeLine(frame: Frame, raw: Uint8Array, index: number, judging: Judging): Judged {
  // Of a longer one only the beginning is here.
  if (raw.length > maxEventBytes) return rejected(tooLarge, null, raw);
  const text = decode(raw);
  if (text === null) return rejected(lineNotUtf8, null, raw);
  const scanned = scanValue(raw, skipSpace(raw, 0));
  const value = isTooDeep(scanned) ? null : parse(text);
  if (value === undefined) return rejected(lineNotJson, null, raw);
  const holdsProto = mayHoldProtoKey(text) && holdsProtoKey(raw, 0, raw.length);
  const candidate = { value, type: typeIn(value), raw, bytes: raw.length, scanned, holdsProto };
  return judgeEvent(frame, candidate, noShared, index, judging);
}

/** One event on its way through the checks. */
interface Candidate {
  readonly value: unknown;
  /** Null if its `type` is none that there is. */
  readonly type: EventType | null;
  readonly raw: Uint8Array;
  readonly bytes: number;
  readonly scanned: Scanned;
  readonly holdsProto: boolean;
}

function judgeEvent(
  frame: Frame,
  candidate: Candidate,
  shared: Shared,
  index: number,
  judging: Judging,
): Judged {
  const { value, type, raw, bytes, scanned } = candidate;
  if (isTooDeep(scanned)) return rejected(tooDeep, null, raw);
  if (!isObject(value)) return rejected(notAnObject, null, raw);
  const envelope: Envelope = value;
  if (candidate.holdsProto) return rejected(protoKey, envelope, raw, judging.keepIp);
  if (Object.keys(value).length !== scanned.keys) return rejected(doubleKey, envelope, raw, judging.keepIp);
  if (scanned.infinite) return rejected(infiniteNumber, envelope, raw, judging.keepIp);
  if (bytes + shared.bytes > maxEventBytes) return rejected(tooLarge, envelope, raw, judging.keepIp);
  if (type === null) return rejected(unknownType, envelope, raw, judging.keepIp);
  const messageId = readId(envelope.messageId);
  if (typeof messageId === "object" && messageId !== null) return rejected(messageId.error, null, raw);
  const shape = readShape(type, envelope);
  if (shape.kind === "problem") return rejected(shape.error, envelope, raw, judging.keepIp);
  const time = decideTime(envelope, shared.sentAt, frame.receivedAtMs);
  if (time.kind === "problem") return rejected(time.error, envelope, raw, judging.keepIp);
  const facts = factsOf(envelope, shared, frame.sender, judging.enrich);
  const event = makeEvent(frame, type, shape, messageId ?? judging.mintId(), time.timestampMs, index);
  const sharedContext = () => shared.facts["context"];
  return {
    kind: "event",
    event: withFacts(withConsentContext(withExternalIds(event, envelope), envelope, sharedContext), facts),
    raw: textToKeep(envelope, raw, judging.keepIp),
    extra: extraToKeep(shared, time.setAside, facts),
    minted: messageId === null,
  };
}

/** The facts of a request or a stored row that its events have in common. */
type Origin = Pick<Event, "namespace" | "source" | "trusted" | "receivedAtMs">;

function makeEvent(
  origin: Origin,
  type: EventType,
  shape: Shape,
  messageId: string,
  timestampMs: number,
  index: number,
): Event {
  return {
    namespace: origin.namespace,
    source: origin.source,
    trusted: origin.trusted,
    type,
    name: shape.name,
    messageId,
    userId: shape.userId,
    anonymousId: shape.anonymousId,
    previousId: shape.previousId,
    groupId: shape.groupId,
    timestampMs,
    receivedAtMs: origin.receivedAtMs,
    index,
    properties: shape.properties,
    traits: shape.traits,
  };
}

function rejected(
  error: EventError,
  envelope: Envelope | null,
  raw: Uint8Array,
  keepIp: boolean = false,
): Judged {
  const messageId = envelope === null ? null : readId(envelope.messageId);
  return {
    kind: "rejected",
    error,
    messageId: typeof messageId === "string" ? messageId : null,
    raw: envelope === null ? raw : textToKeep(envelope, raw, keepIp),
  };
}

function decode(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

/** Undefined for what is not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isTooDeep(scanned: Scanned): boolean {
  return scanned.depth > maxDepth;
}

const typesByName: ReadonlyMap<unknown, EventType> = new Map(eventTypes.map((type) => [type, type]));

function typeIn(value: unknown): EventType | null {
  return isObject(value) ? (typesByName.get(value["type"]) ?? null) : null;
}

/** Cheap and sometimes wrongly true: each letter of `__proto__` may also be written as `\u00…`. */
function mayHoldProtoKey(text: string): boolean {
  return text.includes("__proto__") || text.includes("\\u00");
}

/** Looks at the outer object alone; its events are looked at one by one. */
function protoKeyAround(body: Uint8Array, layout: ScannedBatch): boolean {
  const first = layout.elements[0];
  const last = layout.elements.at(-1);
  if (first === undefined || last === undefined) return holdsProtoKey(body, 0, body.length);
  return holdsProtoKey(body, 0, first.start) || holdsProtoKey(body, last.end, body.length);
}

/** The text with a 0 in the place of each event that is too deep, so that those are never parsed. */
function withoutDeep(body: Uint8Array, layout: ScannedBatch): string {
  const copy = body.slice();
  for (const { start, end } of layout.elements.filter(isTooDeep)) copy.fill(0x20, start, end)[start] = 0x30;
  return utf8.decode(copy);
}
