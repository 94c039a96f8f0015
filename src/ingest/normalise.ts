/** From parsed JSON to what an event of its type must hold: identifiers, name, properties, traits. Pure. */
import { eventError, type EventError } from "../errors.ts";
import { unreachable } from "../lib/assert.ts";
import type { EventType, JsonObject } from "../model/event.ts";
import { maxIdBytes } from "./limits.ts";

/** The envelope of an event after JSON.parse: nothing is known yet about its fields. */
export interface Envelope {
  readonly type?: unknown;
  readonly messageId?: unknown;
  readonly userId?: unknown;
  readonly anonymousId?: unknown;
  readonly previousId?: unknown;
  readonly groupId?: unknown;
  readonly event?: unknown;
  readonly name?: unknown;
  readonly properties?: unknown;
  readonly traits?: unknown;
  readonly context?: unknown;
  readonly timestamp?: unknown;
  readonly originalTimestamp?: unknown;
  readonly sentAt?: unknown;
  readonly writeKey?: unknown;
  /** Where RudderStack's servers put the address. */
  readonly request_ip?: unknown;
}

/** The part of an event that follows from its own text. */
export interface Shape {
  readonly kind: "shape";
  readonly name: string | null;
  readonly userId: string | null;
  readonly anonymousId: string | null;
  readonly previousId: string | null;
  readonly groupId: string | null;
  readonly properties: JsonObject;
  readonly traits: JsonObject;
}

export interface Problem {
  readonly kind: "problem";
  readonly error: EventError;
}

const problem = (error: EventError): Problem => ({ kind: "problem", error });
const badShape = (detail: string): Problem => problem(eventError("invalid_event", detail));

const idTooLong = problem(eventError("id_too_long"));
const idNoText = badShape("An identifier must be a text or a whole number up to 2^53 − 1.");
const idUnsafe = badShape("An identifier must be well-formed Unicode without NUL.");
const nobody = problem(eventError("missing_id"));
const noEventName = badShape("track needs event, a non-empty text.");
const badName = badShape("name must be a text.");
const noGroup = badShape("group needs groupId.");
const noAlias = badShape("alias needs previousId and userId.");
const badProperties = badShape("properties must be an object.");
const badTraits = badShape("traits must be an object.");
const badContext = badShape("context must be an object.");

const empty: JsonObject = Object.freeze({});

/** An object that is neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * An identifier as it is stored: texts as they are, whole numbers as texts, null if missing or empty.
 * Whatever could collide or break a key (lone surrogates, NUL) is refused.
 */
export function readId(value: unknown): string | null | Problem {
  if (typeof value === "string") {
    if (value.length === 0) return null;
    if (value.length * 3 > maxIdBytes && (value.length > maxIdBytes || Buffer.byteLength(value) > maxIdBytes))
      return idTooLong;
    return value.isWellFormed() && !value.includes("\0") ? value : idUnsafe;
  }
  if (value === undefined || value === null) return null;
  return typeof value === "number" && Number.isSafeInteger(value) ? String(value) : idNoText;
}

/** The object at that field; missing, null and the empty array (PHP writes `{}` so) are `{}`; undefined for anything else. */
function readObject(value: unknown): JsonObject | undefined {
  if (value === undefined || value === null) return empty;
  if (!Array.isArray(value)) return typeof value === "object" ? (value as JsonObject) : undefined;
  return value.length === 0 ? empty : undefined;
}

function isProblem(value: string | null | Problem): value is Problem {
  return typeof value === "object" && value !== null;
}

/** Checks an event of that type and takes from it what the fold reads. */
export function readShape(type: EventType, envelope: Envelope): Shape | Problem {
  const userId = readId(envelope.userId);
  if (isProblem(userId)) return userId;
  const anonymousId = readId(envelope.anonymousId);
  if (isProblem(anonymousId)) return anonymousId;
  if (userId === null && anonymousId === null) return nobody;
  if (readObject(envelope.context) === undefined) return badContext;
  switch (type) {
    case "track":
      return readNamed(envelope.event, true, envelope.properties, userId, anonymousId);
    case "page":
    case "screen":
      return readNamed(envelope.name, false, envelope.properties, userId, anonymousId);
    case "identify":
      return readIdentify(envelope, userId, anonymousId);
    case "group":
      return readGroup(envelope, userId, anonymousId);
    case "alias":
      return readAlias(envelope, userId, anonymousId);
    default:
      return unreachable(type);
  }
}

function readNamed(
  given: unknown,
  required: boolean,
  givenProperties: unknown,
  userId: string | null,
  anonymousId: string | null,
): Shape | Problem {
  const name = given === undefined || given === "" ? null : given;
  if (name === null ? required : typeof name !== "string") return required ? noEventName : badName;
  const properties = readObject(givenProperties);
  if (properties === undefined) return badProperties;
  return {
    kind: "shape",
    name: name as string | null,
    userId,
    anonymousId,
    previousId: null,
    groupId: null,
    properties,
    traits: empty,
  };
}

/** Some browser clients keep traits in `context.traits` alone: they count where `traits` is missing. */
function readIdentify(
  envelope: Envelope,
  userId: string | null,
  anonymousId: string | null,
): Shape | Problem {
  const given = envelope.traits ?? (isObject(envelope.context) ? envelope.context["traits"] : undefined);
  const traits = readObject(given);
  if (traits === undefined) return badTraits;
  return {
    kind: "shape",
    name: null,
    userId,
    anonymousId,
    previousId: null,
    groupId: null,
    properties: empty,
    traits,
  };
}

function readGroup(envelope: Envelope, userId: string | null, anonymousId: string | null): Shape | Problem {
  const groupId = readId(envelope.groupId);
  if (isProblem(groupId)) return groupId;
  if (groupId === null) return noGroup;
  if (readObject(envelope.traits) === undefined) return badTraits;
  return {
    kind: "shape",
    name: null,
    userId,
    anonymousId,
    previousId: null,
    groupId,
    properties: empty,
    traits: empty,
  };
}

function readAlias(envelope: Envelope, userId: string | null, anonymousId: string | null): Shape | Problem {
  const previousId = readId(envelope.previousId);
  if (isProblem(previousId)) return previousId;
  if (previousId === null || userId === null) return noAlias;
  return {
    kind: "shape",
    name: null,
    userId,
    anonymousId,
    previousId,
    groupId: null,
    properties: empty,
    traits: empty,
  };
}
