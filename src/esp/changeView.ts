/** A change as it goes over the wire (docs/protocol.md, "Feed"). Pure. */
import type { Change, ValueChange } from "../model/change.ts";
import type { Namespace } from "../model/event.ts";
import { iso, type TraitSelection } from "./profileView.ts";

/** Which changes a reader wants; conditions combine with and. */
export interface FeedFilter {
  readonly namespace: Namespace;
  /** Only changes that touch one of these traits, and only those traits in them; null: all. */
  readonly traits: TraitSelection;
  /** The traits that the reader's key may see; null: all. */
  readonly readable: TraitSelection;
  /** Only changes that enter or leave this segment; null: all. */
  readonly segment: string | null;
  /** Only profiles with an identifier of this type; null: all. */
  readonly idType: string | null;
}

/** The wire form of a change. */
export function renderChange(
  change: Change,
  traits: Readonly<Record<string, ValueChange>> = change.traits,
): unknown {
  return {
    profileId: change.profileId,
    version: change.seq,
    identifiers: change.identifiers,
    cause: change.cause,
    event: change.event,
    timestamp: iso(change.timestampMs),
    receivedAt: change.receivedAtMs === null ? null : iso(change.receivedAtMs),
    committedAt: iso(change.committedAtMs),
    traits,
    segments: change.segments,
    ...(change.mergedFrom === undefined ? {} : { mergedFrom: change.mergedFrom }),
  };
}

// Changes near the head are shared objects, so a thousand readers at the head render each of them once.
const rendered = new WeakMap<Change, string>();

/** The JSON of a change for a reader, or null if the filter keeps it back. */
export function changeText(change: Change, filter: FeedFilter): string | null {
  if (change.namespace !== filter.namespace) return null;
  if (filter.idType !== null && !change.identifiers.some(({ type }) => type === filter.idType)) return null;
  const { segment } = filter;
  if (
    segment !== null &&
    !change.segments.entered.includes(segment) &&
    !change.segments.exited.includes(segment)
  )
    return null;
  if (filter.traits === null && filter.readable === null) {
    const known = rendered.get(change);
    if (known !== undefined) return known;
    const text = JSON.stringify(renderChange(change));
    rendered.set(change, text);
    return text;
  }
  const traits = visibleTraits(change.traits, filter);
  if (filter.traits !== null && Object.keys(traits).length === 0) return null;
  return JSON.stringify(renderChange(change, traits));
}

function visibleTraits(
  traits: Readonly<Record<string, ValueChange>>,
  filter: FeedFilter,
): Record<string, ValueChange> {
  const visible: Record<string, ValueChange> = {};
  for (const [name, change] of Object.entries(traits)) {
    if (filter.traits?.includes(name) === false || filter.readable?.includes(name) === false) continue;
    visible[name] = change;
  }
  return visible;
}
