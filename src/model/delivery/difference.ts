/**
 * What a destination is to know of a profile against what it acknowledged, by fingerprint: only the difference is sent.
 * Names carry what they are of: `f:` a field, `a:` an audience, `s:` a suppression. Pure.
 */

/** Fingerprints by name, as they were acknowledged. */
export type Acknowledged = Readonly<Record<string, string>>;

/** What a profile should look like there. */
export interface Wanted<Value> {
  /** Values by field; no null among them. */
  readonly fields: Readonly<Record<string, Value>>;
  readonly audiences: readonly string[];
  /** Why a channel must not be used, by channel. */
  readonly suppressions: Readonly<Record<string, string>>;
}

export interface Difference<Value> {
  readonly set: Readonly<Record<string, Value>>;
  /** Fields that have no value any more. */
  readonly clear: readonly string[];
  readonly join: readonly string[];
  readonly leave: readonly string[];
  readonly suppress: Readonly<Record<string, string>>;
  readonly lift: readonly string[];
}

const present = "1";
/** Stands for what may or may not have been taken: it is no value's fingerprint, so it is sent again, or cleared. */
const open = "?";

/** `print` makes a value's fingerprint. */
export function differenceOf<Value>(
  wanted: Wanted<Value>,
  acknowledged: Acknowledged,
  print: (value: Value) => string,
): Difference<Value> {
  const set: Record<string, Value> = Object.create(null) as Record<string, Value>;
  for (const [name, value] of Object.entries(wanted.fields))
    if (acknowledged[`f:${name}`] !== print(value)) set[name] = value;
  const suppress: Record<string, string> = {};
  for (const [channel, reason] of Object.entries(wanted.suppressions))
    if (acknowledged[`s:${channel}`] !== reason) suppress[channel] = reason;
  const known = (of: string) =>
    Object.keys(acknowledged).flatMap((name) => (name.startsWith(of) ? [name.slice(of.length)] : []));
  return {
    set,
    clear: known("f:").filter((name) => !Object.hasOwn(wanted.fields, name)),
    join: wanted.audiences.filter((name) => acknowledged[`a:${name}`] !== present),
    leave: known("a:").filter((name) => !wanted.audiences.includes(name)),
    suppress,
    lift: known("s:").filter((channel) => !Object.hasOwn(wanted.suppressions, channel)),
  };
}

/**
 * What holds from before a request goes out until its outcome is known: whatever it touches is open. Else a value that
 * was taken without our knowing would stay there when it changes back, or goes, before it is sent again.
 */
export function whileOpen(acknowledged: Acknowledged, after: Acknowledged): Acknowledged {
  const next: Record<string, string> = { ...acknowledged };
  for (const name of new Set([...Object.keys(acknowledged), ...Object.keys(after)]))
    if (acknowledged[name] !== after[name]) next[name] = open;
  return next;
}

/** What is known of somebody who is renamed: everything may be there still, and is told again or taken back. */
export function allOpen(acknowledged: Acknowledged): Acknowledged {
  return Object.fromEntries(Object.keys(acknowledged).map((name) => [name, open]));
}

/** What is acknowledged once the fields were taken. */
export function withFields<Value>(
  acknowledged: Acknowledged,
  { set, clear }: Pick<Difference<Value>, "set" | "clear">,
  print: (value: Value) => string,
): Acknowledged {
  const next: Record<string, string> = { ...acknowledged };
  for (const [name, value] of Object.entries(set)) next[`f:${name}`] = print(value);
  for (const name of clear) delete next[`f:${name}`];
  return next;
}

/** What is acknowledged once a membership was taken. */
export function withAudience(acknowledged: Acknowledged, name: string, isMember: boolean): Acknowledged {
  return withEntry(acknowledged, `a:${name}`, isMember ? present : null);
}

/** What is acknowledged once a suppression was taken; null: that it was lifted. */
export function withSuppression(
  acknowledged: Acknowledged,
  channel: string,
  reason: string | null,
): Acknowledged {
  return withEntry(acknowledged, `s:${channel}`, reason);
}

function withEntry(acknowledged: Acknowledged, name: string, value: string | null): Acknowledged {
  const { [name]: _former, ...rest } = acknowledged;
  return value === null ? rest : { ...rest, [name]: value };
}
