/** A change as it goes over the wire (docs/protocol.md, "Feed"). Pure. */
import type { Change, ValueChange } from "../model/change.ts";
import type { Namespace } from "../model/event.ts";
import {
  everything,
  iso,
  select,
  visibleIdentifiers,
  visibilityOf,
  type TraitSelection,
  type Visibility,
} from "./profileView.ts";

/** Which changes a reader wants; conditions combine with and. */
export interface FeedFilter {
  readonly namespace: Namespace;
  /** Only changes that touch one of these traits, and only those traits in them; null: all. */
  readonly traits: TraitSelection;
  /** The traits that the reader's key may see; null: all. */
  readonly readable: TraitSelection;
  /** Only changes that enter or leave this segment, and only that segment in them; null: all. */
  readonly segment: string | null;
  /** Only profiles with an identifier of this type; null: all. */
  readonly idType: string | null;
}

/** The wire form of a change. */
export function renderChange(
  change: Change,
  visible: Visibility = everything,
  segment: string | null = null,
): unknown {
  const { entered, exited } = change.segments;
  return {
    profileId: change.profileId,
    version: change.seq,
    identifiers: visibleIdentifiers(change.identifiers, visible.readable),
    cause: change.cause,
    event: change.event,
    timestamp: iso(change.timestampMs),
    receivedAt: change.receivedAtMs === null ? null : iso(change.receivedAtMs),
    committedAt: iso(change.committedAtMs),
    traits: select<ValueChange>(change.traits, visible.traits),
    segments: { entered: only(entered, segment), exited: only(exited, segment) },
    ...(shows(visible) ? change.consent : undefined),
    ...(change.mergedFrom === undefined ? {} : { mergedFrom: change.mergedFrom }),
  };
}

/** Whoever may read some traits alone reads consent if it is among them. */
function shows({ readable }: Visibility): boolean {
  return readable === null || readable.includes("consent");
}

function only(segments: readonly string[], segment: string | null): readonly string[] {
  return segment === null ? segments : segments.filter((name) => name === segment);
}

/** The JSON of a change for a reader, or null if the filter keeps it back. */
function changeText(change: Change, filter: FeedFilter): string | null {
  if (change.namespace !== filter.namespace) return null;
  const visible = visibilityOf(filter.traits, filter.readable);
  return passes(change, filter, visible)
    ? JSON.stringify(renderChange(change, visible, filter.segment))
    : null;
}

/**
 * An erasure passes every filter, and a merge those on traits and segments: both say what became of the profile as a
 * whole, and whoever keeps a copy of any part of it must hear.
 */
function passes(change: Change, filter: FeedFilter, visible: Visibility): boolean {
  if (change.cause === "erase") return true;
  const identifiers = visibleIdentifiers(change.identifiers, filter.readable);
  if (filter.idType !== null && !identifiers.some(({ type }) => type === filter.idType)) return false;
  if (change.mergedFrom !== undefined) return true;
  const { segment } = filter;
  if (
    segment !== null &&
    !change.segments.entered.includes(segment) &&
    !change.segments.exited.includes(segment)
  )
    return false;
  return filter.traits === null || (visible.traits ?? []).some((name) => Object.hasOwn(change.traits, name));
}

/** Rendered changes held for readers of one filter, a page's worth. */
const heldChanges = 256;
/** Longer texts are rendered anew for each reader. */
const maxHeldLength = 16_384;

/** Renders changes for all readers of one filter, the newest ones once for all of them. */
export class ChangeTexts {
  readonly #filter: FeedFilter;
  // By seq modulo the length; the change object beside the text tells whether it is still that very change.
  readonly #changes: (Change | undefined)[] = [];
  readonly #texts: (string | null)[] = [];

  constructor(filter: FeedFilter) {
    this.#filter = filter;
  }

  /** The JSON of a change, or null if the filter keeps it back. */
  of(change: Change): string | null {
    const slot = change.seq % heldChanges;
    if (this.#changes[slot] === change) return this.#texts[slot] ?? null;
    const text = changeText(change, this.#filter);
    if (text !== null && text.length > maxHeldLength) return text;
    this.#changes[slot] = change;
    this.#texts[slot] = text;
    return text;
  }
}
