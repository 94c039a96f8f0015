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
}

export interface Viewed {
  readonly product_id: string;
  readonly name: string;
}

/** What the e-mail uses: traits, and under `leftBehind` whether the visitor is in the segment of that name. */
export interface Facts {
  readonly firstName: string;
  readonly cart: Cart;
  readonly recentlyViewed: readonly Viewed[];
  readonly views24h: number;
  readonly leftBehind: true;
}

export type FactName = keyof Facts;
export const factNames: readonly FactName[] = [
  "firstName",
  "cart",
  "recentlyViewed",
  "views24h",
  "leftBehind",
];

/** The segment's name in freshet.yaml. */
const segment = "left-behind";

/** A value, and how it got here. Times are readings of performance.now(). */
export interface Held<Value> {
  readonly value: Value;
  /** When it was set. */
  readonly setAtMs: number;
  /** From the cause, a click or an instant that came, to the screen; null: it was there when the page was opened. */
  readonly toScreenMs: number | null;
}

/** Everything known of the visitor; null: not known, or not so. */
export type Profile = { readonly [Name in FactName]: Held<Facts[Name]> | null };

export const nobody: Profile = {
  firstName: null,
  cart: null,
  recentlyViewed: null,
  views24h: null,
  leftBehind: null,
};

/** What a frame of the feed tells of a change. */
export interface FeedChange {
  readonly version: number;
  readonly cause: string;
  readonly event: { readonly messageId: string; readonly type: string; readonly name: string | null } | null;
  /** When it happened; of something that came true by itself, when it was due. */
  readonly timestamp: string;
  readonly receivedAt: string | null;
  readonly committedAt: string;
  readonly traits: Readonly<Record<string, { readonly old: unknown; readonly new: unknown }>>;
  readonly segments: { readonly entered: readonly string[]; readonly exited: readonly string[] };
}

interface SnapshotTrait {
  readonly value: unknown;
  /** Null: of no event. */
  readonly ageMs: number | null;
}

export interface FeedSnapshot {
  readonly version: number;
  readonly asOf: string;
  readonly traits: Readonly<Record<string, SnapshotTrait>>;
  readonly segments: readonly { readonly name: string; readonly since: string }[];
}

/** The profile of a snapshot that arrived at `nowMs`. */
export function fromSnapshot({ asOf, traits, segments }: FeedSnapshot, nowMs: number): Profile {
  const member = segments.find(({ name }) => name === segment);
  return shapedProfile((name) => {
    if (name === "leftBehind") {
      if (member === undefined) return null;
      return {
        value: true,
        setAtMs: nowMs - (Date.parse(asOf) - Date.parse(member.since)),
        toScreenMs: null,
      };
    }
    const trait = Object.hasOwn(traits, name) ? traits[name] : undefined;
    // A count of nothing, an empty list: no event stands behind it.
    if (trait === undefined || trait.ageMs === null) return null;
    return { value: trait.value, setAtMs: nowMs - trait.ageMs, toScreenMs: null };
  });
}

/** The profile after a change that arrived at `nowMs`. What the change leaves as it was keeps its age. */
export function afterChange(profile: Profile, change: FeedChange, nowMs: number): Profile {
  const onTheWayMs = Math.max(0, Date.parse(change.committedAt) - Date.parse(change.timestamp));
  const setNow = (value: unknown) => ({ value, setAtMs: nowMs - onTheWayMs, toScreenMs: null });
  return shapedProfile((name) => {
    if (name === "leftBehind") {
      if (change.segments.entered.includes(segment)) return setNow(true);
      return change.segments.exited.includes(segment) ? null : profile.leftBehind;
    }
    if (!isNew(profile, change, name)) return profile[name];
    const value = change.traits[name]?.new ?? null;
    return value === null ? null : setNow(value);
  });
}

/** The facts of a profile that a change makes other ones. */
export function changedFacts(profile: Profile, change: FeedChange): ReadonlySet<FactName> {
  const { entered, exited } = change.segments;
  return new Set(
    factNames.filter((name) =>
      name === "leftBehind" ? [...entered, ...exited].includes(segment) : isNew(profile, change, name),
    ),
  );
}

/** A sign-up joins two profiles: all that the one knew is new to the other, but not to us. */
function isNew(profile: Profile, change: FeedChange, name: FactName): boolean {
  const trait = Object.hasOwn(change.traits, name) ? change.traits[name] : undefined;
  return trait !== undefined && JSON.stringify(trait.new) !== JSON.stringify(profile[name]?.value ?? null);
}

/** Notes of facts that are on the screen now how long ago their cause was. */
export function onScreen(profile: Profile, names: ReadonlySet<FactName>, toScreenMs: number): Profile {
  return shapedProfile((name) => {
    const held = profile[name];
    return held === null || !names.has(name) ? held : { ...held, toScreenMs };
  });
}

/** Anybody with a write key can set a trait to anything; what the e-mail can't show counts as not known. */
function shapedProfile(held: (name: FactName) => Held<unknown> | null): Profile {
  return {
    firstName: shaped(held("firstName"), isText),
    cart: shaped(held("cart"), isCart),
    recentlyViewed: shaped(held("recentlyViewed"), isViewedList),
    views24h: shaped(held("views24h"), isCount),
    leftBehind: shaped(held("leftBehind"), (value) => value === true),
  };
}

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

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isCart(value: unknown): value is Cart {
  const { items, count, value: sum } = fieldsOf(value);
  return Array.isArray(items) && items.every(isItem) && isCount(count) && typeof sum === "number";
}

function isItem(value: unknown): boolean {
  const { quantity, price } = fieldsOf(value);
  return isViewed(value) && isCount(quantity) && typeof price === "number";
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
