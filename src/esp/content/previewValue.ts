import type { Json } from "../../model/event.ts";

/** A value that the block asks for. */
export interface PreviewValue {
  readonly name: string;
  readonly value: Json;
  readonly servedFrom: string | null;
  readonly ageMs: number | null;
  readonly maxAgeMs: number | null;
  readonly updatedAt: string | null;
  /** Of the event that set it; null where none did. */
  readonly source: string | null;
  readonly eventMessageId: string | null;
}
