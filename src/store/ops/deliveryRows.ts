/** Rows of the queue as SQLite gives them, and back. */
import type { Acknowledged } from "../../model/delivery/difference.ts";
import { codeOfKind, kindOfCode } from "./deliveryCodes.ts";
import type { DeliveryRef, KnownProfile, KnownText } from "./deliveries.ts";

/** A row that was taken, with what is known of its profile there. */
export interface TakenRow {
  readonly profile: string;
  readonly kind: number;
  readonly item: string;
  readonly lane: number;
  readonly seq: number;
  readonly since_ms: number;
  readonly attempts: number;
  readonly failing_since_ms: number | null;
  readonly payload: string | null;
  readonly key: string | null;
  readonly former: string | null;
  readonly fields: string | null;
  readonly version: number | null;
}

export function keyOf({
  profile,
  kind,
  item,
  seq,
}: Pick<TakenRow, "profile" | "kind" | "item" | "seq">): DeliveryRef {
  return { profile, kind: kindOfCode(kind), item, seq };
}

/** What names a row, in the order of the primary key. */
export function refValues(
  destination: number,
  { profile, kind, item }: Pick<DeliveryRef, "profile" | "kind" | "item">,
): [number, string, number, string] {
  return [destination, profile, codeOfKind(kind), item];
}

export function knownTextOf({
  key,
  former,
  fields,
  version,
}: Pick<TakenRow, "key" | "former" | "fields" | "version">): KnownText | null {
  return key === null || fields === null ? null : { key, former, fields, version: version ?? 0 };
}

export function knownOf({
  key,
  fields,
  version,
}: Pick<TakenRow, "key" | "fields" | "version">): KnownProfile | null {
  if (key === null || fields === null) return null;
  // Written by this program alone.
  return {
    key: JSON.parse(key) as Readonly<Record<string, string>>,
    acknowledged: JSON.parse(fields) as Acknowledged,
    version: version ?? 0,
  };
}
