/**
 * Filters for what e-mails say: money, numbers, dates, plurals, picture sizes, in the locale of the block. A value that
 * makes no sense gives an empty text, never an exception: the e-mail is on its way.
 */
import type { Liquid } from "liquidjs";

/** What a filter needs to know of the rendering under way; stands in the globals of the render. */
export interface MailGlobals {
  /** BCP 47, such as `de-DE`. */
  readonly locale: string;
  /** IANA name, such as `Europe/Berlin`. */
  readonly timeZone: string;
  /** The moment that it is rendered for; absent where none is meant. */
  readonly nowMs?: number | undefined;
}

const dateStyles = ["full", "long", "medium", "short"] as const;
type DateStyle = (typeof dateStyles)[number];
const maxPictureSide = 4_096;
const maxFormatters = 256;

/** Making a formatter takes many times as long as using it; what is asked of one is little, and from few templates. */
function remembered<Made, Options extends object>(
  make: (locale: string, options: Options) => Made,
): (locale: string, options: Options) => Made {
  const made = new Map<string, Made>();
  return (locale, options) => {
    const key = `${locale} ${JSON.stringify(options)}`;
    let known = made.get(key);
    if (known === undefined) {
      // Locales may come from traits, which strangers write.
      if (made.size >= maxFormatters) made.clear();
      known = make(locale, options);
      made.set(key, known);
    }
    return known;
  };
}

const numberFormat = remembered(
  (locale, options: Intl.NumberFormatOptions) => new Intl.NumberFormat(locale, options),
);
const dateFormat = remembered(
  (locale, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, options),
);
const pluralRules = remembered(
  (locale, options: Intl.PluralRulesOptions) => new Intl.PluralRules(locale, options),
);

/** Adds the filters to an engine. */
export function addFilters(liquid: Liquid): void {
  liquid.registerFilter("money", function (value: unknown, currency?: unknown, locale?: unknown) {
    return money(value, currency, localeOf(locale, this.context.globals));
  });
  liquid.registerFilter("number", function (value: unknown, decimals?: unknown, locale?: unknown) {
    return number(value, decimals, localeOf(locale, this.context.globals));
  });
  liquid.registerFilter("localDate", function (value: unknown, style?: unknown, locale?: unknown) {
    return localDate(value, style, localeOf(locale, this.context.globals), timeZoneOf(this.context.globals));
  });
  liquid.registerFilter("plural", function (count: unknown, ...forms: unknown[]) {
    return plural(count, forms, localeOf(undefined, this.context.globals));
  });
  liquid.registerFilter("imageSize", imageSize);
  pinDates(liquid);
}

const dateFilters = ["date", "date_to_xmlschema", "date_to_rfc822", "date_to_string", "date_to_long_string"];

/**
 * Liquid's own filters for dates go by the clock and the zone of the machine, and one draws lots: an answer could not be
 * made again, nor be the same to the next asker. Now is the moment that is rendered for, and days begin where the block
 * says.
 */
function pinDates(liquid: Liquid): void {
  for (const name of dateFilters) {
    const own = liquid.filters[name];
    if (typeof own !== "function") continue;
    liquid.registerFilter(name, function (value: unknown, ...given: unknown[]) {
      const { opts, memoryLimit } = this.context;
      const isNow = value === "now" || value === "today";
      // Asked for only where it matters: what does not depend on it is remembered.
      const nowMs = isNow ? (this.context.globals as Partial<MailGlobals>).nowMs : undefined;
      const at = nowMs === undefined ? value : new Date(nowMs);
      const context = { opts: { ...opts, timezoneOffset: timeZoneOf(this.context.globals) }, memoryLimit };
      return Reflect.apply(own, { ...this, context }, [at, ...given]) as unknown;
    });
  }
  Reflect.deleteProperty(liquid.filters, "sample");
}

/** `{{ cart.value | money: cart.currency }}`, `{{ 84 | money: "EUR", "de-DE" }}` */
function money(value: unknown, currency: unknown, locale: string): string {
  const amount = finite(value);
  if (amount === null) return "";
  try {
    return numberFormat(locale, { style: "currency", currency: textOf(currency, "EUR") }).format(amount);
  } catch {
    return amount.toFixed(2);
  }
}

/** `{{ points | number }}`, `{{ rating | number: 1 }}` */
function number(value: unknown, decimals: unknown, locale: string): string {
  const amount = finite(value);
  if (amount === null) return "";
  const digits = finite(decimals);
  const fraction =
    digits === null ? {} : { minimumFractionDigits: bounded(digits), maximumFractionDigits: bounded(digits) };
  return numberFormat(locale, fraction).format(amount);
}

/** `{{ lastOrderAt | localDate }}`, `{{ lastOrderAt | localDate: "full" }}`: a day as the reader writes it. */
function localDate(value: unknown, style: unknown, locale: string, timeZone: string): string {
  const atMs = typeof value === "number" ? value : typeof value === "string" ? Date.parse(value) : Number.NaN;
  if (!Number.isFinite(atMs) || Math.abs(atMs) > 8.64e15) return "";
  const dateStyle = isDateStyle(style) ? style : "long";
  return dateFormat(locale, { dateStyle, timeZone }).format(atMs);
}

/** `{{ cart.count }} {{ cart.count | plural: "item", "items" }}`, or by name: `plural: one: "Stück", other: "Stücke"`. */
function plural(count: unknown, forms: readonly unknown[], locale: string): string {
  const amount = finite(count);
  if (amount === null) return "";
  const category = pluralRules(locale, {}).select(amount);
  const byName = new Map(
    forms.flatMap((form) =>
      Array.isArray(form) && typeof form[0] === "string" ? [[form[0], form[1]] as const] : [],
    ),
  );
  if (byName.size > 0) return textOf(byName.get(category) ?? byName.get("other"), "");
  const [one, other] = forms;
  return textOf((category === "one" ? one : other) ?? other ?? one, "");
}

/** `{{ item.image_url | imageSize: 300, 200 }}`: asks an image service for a size by `width` and `height`. */
function imageSize(value: unknown, width?: unknown, height?: unknown): string {
  if (typeof value !== "string" || !URL.canParse(value)) return "";
  const url = new URL(value);
  for (const [name, side] of [
    ["width", finite(width)],
    ["height", finite(height)],
  ] as const) {
    if (side !== null && side >= 1)
      url.searchParams.set(name, String(Math.min(maxPictureSide, Math.round(side))));
  }
  return url.href;
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : otherwise;
}

function finite(value: unknown): number | null {
  const amount = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof amount === "number" && Number.isFinite(amount) ? amount : null;
}

function bounded(digits: number): number {
  return Math.min(6, Math.max(0, Math.trunc(digits)));
}

function isDateStyle(value: unknown): value is DateStyle {
  return dateStyles.some((style) => style === value);
}

function localeOf(given: unknown, globals: object): string {
  if (typeof given === "string" && isLocale(given)) return given;
  const { locale } = globals as Partial<MailGlobals>;
  return locale ?? "en";
}

function timeZoneOf(globals: object): string {
  return (globals as Partial<MailGlobals>).timeZone ?? "UTC";
}

/** True for a tag that the formatters of Intl take. */
export function isLocale(text: string): boolean {
  if (text.length > 35) return false;
  try {
    return Intl.getCanonicalLocales(text).length === 1;
  } catch {
    return false;
  }
}
