/** What the e-mail is written from: the visitor's profile as the feed tells it. */

/** A line of the cart, under the names of the Segment e-commerce specification. */
export interface CartItem {
  readonly product_id: string;
  readonly name: string;
  readonly quantity: number;
  readonly price: number;
}

export interface Cart {
  readonly items: readonly CartItem[];
  readonly count: number;
  readonly value: number;
  readonly currency: string;
}

export interface Viewed {
  readonly product_id: string;
  readonly name: string;
}

/** The traits that the demo uses. */
export interface Traits {
  readonly firstName: string | null;
  readonly cart: Cart | null;
  readonly lastViewed: readonly Viewed[] | null;
}

export type TraitName = keyof Traits;
export const traitNames: readonly TraitName[] = ["firstName", "cart", "lastViewed"];

/** A value, and how it got here. Times are readings of performance.now(). */
export interface Held<Value> {
  readonly value: Value;
  /** When it was set. */
  readonly setAtMs: number;
  /** From the click to the screen; null where the click was in an earlier visit to this page. */
  readonly clickToScreenMs: number | null;
}

/** Everything known of the visitor. */
export type Profile = { readonly [Name in TraitName]: Held<Traits[Name]> | null };

export const nobody: Profile = { firstName: null, cart: null, lastViewed: null };

/** The event that a change tells of. */
export interface FeedChange {
  readonly version: number;
  readonly cause: string;
  readonly event: { readonly messageId: string; readonly type: string; readonly name: string | null } | null;
  readonly timestamp: string;
  readonly receivedAt: string | null;
  readonly committedAt: string;
  readonly traits: Readonly<Record<string, { readonly old: unknown; readonly new: unknown }>>;
}

interface SnapshotTrait {
  readonly value: unknown;
  /** Null: of no event. */
  readonly ageMs: number | null;
}

export interface FeedSnapshot {
  readonly version: number;
  readonly traits: Readonly<Record<string, SnapshotTrait>>;
}

/** The profile of a snapshot that arrived at `nowMs`. */
export function fromSnapshot({ traits }: FeedSnapshot, nowMs: number): Profile {
  return mapTraits((name) => {
    const trait = Object.hasOwn(traits, name) ? traits[name] : undefined;
    return trait === undefined
      ? null
      : { value: trait.value, setAtMs: nowMs - (trait.ageMs ?? 0), clickToScreenMs: null };
  });
}

/** The profile after a change that arrived at `nowMs`. */
export function afterChange(profile: Profile, change: FeedChange, nowMs: number): Profile {
  const onTheWayMs = Math.max(0, Date.parse(change.committedAt) - Date.parse(change.timestamp));
  return mapTraits((name) => {
    const trait = Object.hasOwn(change.traits, name) ? change.traits[name] : undefined;
    if (trait === undefined) return profile[name];
    return trait.new === null
      ? null
      : { value: trait.new, setAtMs: nowMs - onTheWayMs, clickToScreenMs: null };
  });
}

/** Notes of values that are on the screen now how long ago they were clicked. */
export function onScreen(profile: Profile, names: ReadonlySet<TraitName>, clickToScreenMs: number): Profile {
  return mapTraits((name) => {
    const held = profile[name];
    return held === null || !names.has(name) ? held : { ...held, clickToScreenMs };
  });
}

function mapTraits(held: (name: TraitName) => Held<unknown> | null): Profile {
  return {
    firstName: shaped(held("firstName"), isText),
    cart: shaped(held("cart"), isCart),
    lastViewed: shaped(held("lastViewed"), isViewedList),
  };
}

/** Anybody with a write key can set a trait to anything; what the e-mail can't show counts as not known. */
function shaped<Value>(
  held: Held<unknown> | null,
  isValue: (value: unknown) => value is Value,
): Held<Value> | null {
  if (held === null) return null;
  const { value } = held;
  return isValue(value) ? { ...held, value } : null;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isCart(value: unknown): value is Cart {
  const { items, count, value: sum } = fieldsOf(value);
  return (
    Array.isArray(items) && items.every(isItem) && Number.isSafeInteger(count) && typeof sum === "number"
  );
}

function isItem(value: unknown): boolean {
  const { quantity, price } = fieldsOf(value);
  return isViewed(value) && Number.isSafeInteger(quantity) && typeof price === "number";
}

function isViewedList(value: unknown): value is readonly Viewed[] {
  return Array.isArray(value) && value.every(isViewed);
}

function isViewed(value: unknown): value is Viewed {
  const { product_id, name } = fieldsOf(value);
  return isText(product_id) && isText(name);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
