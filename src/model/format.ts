/** Formats of declared texts: a short list, each a check that costs no more than the text is long. Pure. */
import { normaliseEmail } from "./identifier.ts";

export const textFormats = [
  "email",
  "url",
  "uuid",
  "phone",
  "country",
  "language",
  "timezone",
  "currency",
] as const;
export type TextFormat = (typeof textFormats)[number];

/** No text of a format is longer, in UTF-16 code units. */
const maxFormattedLength = 2_048;

/** ISO 3166-1 alpha-2, as assigned in 2026. */
const countries = new Set(
  (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ " +
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO " +
    "FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE " +
    "JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO " +
    "MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW " +
    "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM " +
    "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
  ).split(" "),
);

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** E.164: a plus sign, the country, the number. */
const phone = /^\+[1-9]\d{6,14}$/;
const currency = /^[A-Z]{3}$/;

const checks: Readonly<Record<TextFormat, (text: string) => boolean>> = {
  email: (text) => text === text.trim() && normaliseEmail(text) !== null,
  url: isWebUrl,
  uuid: (text) => uuid.test(text),
  phone: (text) => phone.test(text),
  country: (text) => countries.has(text),
  language: isLanguage,
  timezone: isTimeZone,
  currency: (text) => currency.test(text),
};

/** True if the text has the format. */
export function hasFormat(text: string, format: TextFormat): boolean {
  return text.length <= maxFormattedLength && checks[format](text);
}

function isWebUrl(text: string): boolean {
  return /^https?:\/\/\S+$/i.test(text) && URL.canParse(text);
}

/** BCP 47, in either case: de, pt-BR, zh-Hant. */
function isLanguage(text: string): boolean {
  try {
    return text.length <= 35 && Intl.getCanonicalLocales(text).length === 1;
  } catch {
    return false;
  }
}

/** A name of the tz database: Europe/Berlin, UTC. */
function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]{0,63}$/.test(text)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: text }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

const datePattern = /^(\d{4})-(\d{2})-(\d{2})(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** A day (2026-11-24) or an instant with its offset (2026-11-24T09:00:00Z), and one that the calendar has. */
export function isDateText(text: string): boolean {
  const match = text.length <= 40 ? datePattern.exec(text) : null;
  if (match === null || !Number.isFinite(Date.parse(text))) return false;
  const [, year, month, day] = match;
  const midnight = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return midnight.getUTCMonth() === Number(month) - 1 && midnight.getUTCDate() === Number(day);
}
