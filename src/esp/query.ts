/** Reading what a URL asks for. Unknown parameters are ignored; a bad value is a Refusal that names the parameter. */
import { Refusal } from "../errors.ts";
import { parseDuration } from "../lib/duration.ts";
import { timeIn } from "../model/timeIn.ts";
import type { Identifier } from "../model/identifier.ts";
import { maxIdentifierBytes } from "../model/identifier.ts";
import { builtInIdentity } from "../model/identity.ts";
import type { TraitSelection } from "./profileView.ts";

/** The types that an identifier can be looked up by where none are configured. */
export const idTypes: ReadonlySet<string> = builtInIdentity.idTypes;
const maxTraitNames = 500;

/** The query of a URL; empty without one. */
export function queryOf(url: string): URLSearchParams {
  const at = url.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
}

/** If-None-Match compares weakly (RFC 9110, 13.1.2): a list, W/ prefixes and * count. Our own tags hold no comma. */
export function hasTag(asked: string, etag: string): boolean {
  return (
    asked === etag ||
    asked.trim() === "*" ||
    asked.split(",").some((candidate) => candidate.trim().replace(/^W\//, "") === etag)
  );
}

/** `type:value`, split at the first colon; the value is percent-decoded when it comes from a path. `types`: those that there are. Throws Refusal invalid_request. */
export function parseIdentifier(
  text: string,
  encoded: boolean,
  types: ReadonlySet<string> = idTypes,
): Identifier {
  const plain = encoded ? decode(text) : text;
  const colon = plain.indexOf(":");
  if (colon < 1)
    throw new Refusal("invalid_request", {
      detail: "An identifier is written type:value, for example user_id:42.",
    });
  const type = plain.slice(0, colon);
  const value = plain.slice(colon + 1);
  if (!types.has(type))
    throw new Refusal("invalid_request", {
      detail: `The identifier's type is not known; there are ${[...types].join(", ")}.`,
    });
  if (value === "" || !value.isWellFormed())
    throw new Refusal("invalid_request", { detail: "The identifier has no readable value." });
  if (Buffer.byteLength(value) > maxIdentifierBytes) throw new Refusal("id_too_long");
  return { type, value };
}

/** Percent-decoding that refuses what is not UTF-8. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal("invalid_request", { detail: "The path is not valid percent-encoding." });
  }
}

/** `?traits=a,b`; null without it. */
export function traitsOf(query: URLSearchParams): TraitSelection {
  const text = query.get("traits");
  if (text === null) return null;
  const names = text.split(",").filter((name) => name !== "");
  if (names.length > maxTraitNames)
    throw new Refusal("invalid_request", { detail: `traits takes at most ${maxTraitNames} names.` });
  return names;
}

/** A whole number within bounds; `fallback` without it. */
export function numberOf(
  query: URLSearchParams,
  name: string,
  fallback: number,
  least: number,
  most: number,
): number {
  const text = query.get(name);
  if (text === null) return fallback;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw new Refusal("invalid_request", {
      detail: `${name} takes a whole number from ${least} to ${most}.`,
    });
  return value;
}

/** A duration such as 15m, in milliseconds; null without it. */
export function durationOf(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null) return null;
  const durationMs = parseDuration(text);
  if (durationMs === null)
    throw new Refusal("invalid_request", { detail: `${name} takes a duration such as 15m or 7d.` });
  return durationMs;
}

/** An instant such as 2026-11-24T09:00:00.000Z, in milliseconds, no later than now. */
export function instantOf(query: URLSearchParams, name: string, nowMs: number): number {
  const timeMs = timeIn(query.get(name)) ?? Number.NaN;
  if (!Number.isFinite(timeMs))
    throw new Refusal("invalid_request", {
      detail: `${name} takes a time such as 2026-11-24T09:00:00.000Z.`,
    });
  if (timeMs > nowMs) throw new Refusal("invalid_request", { detail: `${name} lies in the future.` });
  return timeMs;
}

/** `true` or absent (or `false`). */
export function flagOf(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  if (text === null || text === "false" || text === "0") return false;
  if (text === "true" || text === "1" || text === "") return true;
  throw new Refusal("invalid_request", { detail: `${name} takes true or false.` });
}
