/** docs/configuration.md, made from the schema; a test holds the file against it. */
import { alertKeys, type AlertKey } from "./alerts.ts";
import { auditKeys, auditPartKeys, freshnessKeys, type WatchKey } from "./audits.ts";
import { computedKeys } from "./computedTraits.ts";
import { declaredKeys } from "./declaredTraits.ts";
import { enrichmentKeys } from "./enrichment.ts";
import { keyVariables } from "./firstKeys.ts";
import { consentKeys } from "./consent.ts";
import { identityDefaults, identityKeys } from "./identity.ts";
import type { Option } from "./option.ts";
import { clauseKeys } from "./segmentClauses.ts";
import { destinationKeys } from "./destinations.ts";
import { triggerKeys } from "./triggers.ts";
import { contentKeys } from "./content.ts";
import { planKeys } from "./trackingPlan.ts";
import { serveOptions } from "./serveOptions.ts";

const introduction = `# Configuration

Every option of \`freshet serve\` can be given as a flag, as an environment variable, or under \`serve:\` in freshet.yaml.
A flag wins over a variable, a variable over the file, the file over the default. An unknown flag, variable
(\`FRESHET_…\`) or key is refused (exit code 2) with what was probably meant. Durations are \`500ms\`, \`10s\`, \`5m\`, \`2h\`,
\`7d\`; sizes are \`512KB\`, \`64MB\`, \`1GB\`.

Check a configuration without starting: \`freshet config check\`. A JSON Schema for editors: \`freshet config schema\`.

## freshet.yaml

The file is read from \`./freshet.yaml\` or from where \`--config\` says; without one, the defaults hold.

\`\`\`yaml
version: 1
sources:
  web: { trust: browser, writeKey: "\${WEB_WRITE_KEY}" }
  shop: { trust: server, writeKey: "\${SHOP_WRITE_KEY}" }
  prices: { trust: server, follow: "https://prices.example/stream" }
serve:
  host: 0.0.0.0
  publicUrl: [https://events.example.com]
  trustProxy: [1]
\`\`\`

\`\${NAME}\` stands for an environment variable, which must be set; \`$\${NAME}\` for itself. Under \`sources\` stand the
write keys of the places where events come from. \`trust: server\` is for back-end code. \`trust: browser\` is for code in
a page, whose key everybody can read: it can't join two userIds and is rate-limited. A key is in force as long as the
file names it; changes of keys are read at the next start. \`follow\` names a stream of server-sent events that is followed
([streams.md](streams.md)).
`;

/** The page's text. */
export function referencePage(): string {
  return [
    introduction,
    "## Changing it at work\n",
    atWorkNote,
    "## Options of serve\n",
    ...serveOptions.map(describeOption),
    "## Keys by variable\n",
    ...keyVariables.map(({ env, description }) => `- \`${env}\`: ${description}`),
    keyNote,
    "## Traits\n",
    traitsNote,
    ...declaredKeys.map(
      ({ key, description, expected, types }) =>
        `- \`${key}\`${types === null ? "" : ` (${types.join(", ")})`}: ${description} Value: ${expected}.`,
    ),
    "",
    "## Computed traits\n",
    computedNote,
    ...computedKeys.map(
      ({ key, description, expected }) => `- \`${key}\`: ${description} Value: ${expected}.`,
    ),
    "",
    "## Segments\n",
    segmentsNote,
    ...clauseKeys.map(
      ({ key, of, description, expected }) =>
        `- \`${key}\`${key === of ? "" : ` (of ${of})`}: ${description} Value: ${expected}.`,
    ),
    "",
    "## Tracking plan\n",
    planNote,
    ...planKeys.map(({ key, description }) => `- \`trackingPlan.${key}\`: ${description}`),
    "",
    "## Identity\n",
    identityNote,
    ...identityDefaults.map(
      ({ type, limit, priority }) =>
        `| ${type === "another one" ? type : `\`${type}\``} | ${limit} | ${priority} |`,
    ),
    "\nThe keys of an identifier:\n",
    ...identityKeys.map(
      ({ key, description, expected }) => `- \`${key}\`: ${description} Value: ${expected}.`,
    ),
    "",
    "## Enrichment\n",
    enrichmentNote,
    ...enrichmentKeys.map(
      ({ key, description, expected }) => `- \`${key}\`: ${description} Value: ${expected}.`,
    ),
    "",
    "## Consent\n",
    consentNote,
    ...consentKeys.map(
      ({ key, description, expected }) => `- \`${key}\`: ${description} Value: ${expected}.`,
    ),
    "",
    "## Content\n",
    contentNote,
    ...contentKeys.map(({ key, description }) => `- \`content.${key}\`: ${description}`),
    "",
    "## Destinations\n",
    destinationsNote,
    ...destinationKeys.map(({ key, description }) => `- \`${key}\`: ${description}`),
    "",
    "## Triggers\n",
    triggersNote,
    ...triggerKeys.map(({ key, description }) => `- \`${key}\`: ${description}`),
    "",
    "## Alerts\n",
    alertsNote,
    ...alertKeys.map(describeAlertKey),
    "",
    "## Audits\n",
    auditsNote,
    ...auditKeys.map((key) => describeWatchKey("audits", key)),
    ...auditPartKeys.map((key) => describeWatchKey("audits", key)),
    "",
    "## Freshness\n",
    freshnessNote,
    ...freshnessKeys.map((key) => describeWatchKey("freshness", key)),
    "",
  ].join("\n");
}

const atWorkNote = `A running server reads the file again when it is saved (\`--watch-config false\` switches that off), on SIGHUP, and at
\`freshet config apply\`. It is checked whole first: a wrong file changes nothing, and is told with line and column. Traits,
segments and the tracking plan are taken into use while the service goes on: profiles of the new rules are computed from the
journal beside the ones in use, reads keep the old answer until the new ones are whole, then all change at once, and the
feed tells what is another, with cause \`definition\` ([definitions.md](definitions.md)). Destinations, triggers, audits and the freshness target follow at once. Who is who (\`identity\`), keys, alerts and the options of serve are read
at the next start; that is said.

| Command | Does |
| --- | --- |
| \`config check\` | checks a file without a server |
| \`config diff\` | names what the running server would do differently |
| \`config plan\` | the same, with how many profiles would have other values, trait by trait; nothing changes |
| \`config apply\` | takes the file into use |
| \`config history\`, \`config rollback <version>\` | lists what was in use, since when and by whose hand; puts an earlier version back |
| \`config schema\` | JSON Schema, for completion in editors |
`;

const keyNote = `
A key given by variable is stored at the first start that sees it, and stays in force without the variable until it is
revoked (\`freshet keys revoke\`). Where neither a variable nor freshet.yaml gives a write key, and no variable a secret
key, the first start makes them and prints them once.
`;

const traitsNote = `Under \`traits:\` stands what is declared of traits, by their top-level names; a trait that is not named there takes
any value. What breaks its declaration is left out of the event, which is taken without it, and goes to the quarantine
([protocol.md](protocol.md#events)). That is decided once, when the event comes: a later change of the file changes
no profile. Of a computed trait, type, defaults and ages can be declared. null clears a trait of every type.

\`\`\`yaml
traits:
  firstName: { type: string, maxLength: 80, default: there }
  plan: { type: string, oneOf: [free, pro], setBy: [shop] }
  birthday: { type: date, protected: true }
  budget: { type: money, currency: EUR, min: 0 }
  sizes: { type: list, items: number, maxItems: 10 }
  weather: { type: string, maxAge: 1h, maxStale: 5h, default: fine }
\`\`\`

The keys of a trait:
`;

const computedNote = `Under \`use:\` stand packs of traits under fixed names, under \`computedTraits:\` traits of your own, by name
([concepts.md](concepts.md#computed-traits)). A name has at most 64 letters, digits and \`_\`, begins with a letter, and is
not \`email\`. When the traits are others than at the last start, profiles are rebuilt beside the service.

\`\`\`yaml
use: [{ ecommerce: { currency: EUR } }, engagement]
computedTraits:
  shoesViewed7d: { aggregate: count, event: Product Viewed, where: { category: { is: shoes } }, window: 7d }
  biggestOrder: { aggregate: max, event: Order Completed, property: total }
  lastSearches: { aggregate: list, event: Products Searched, property: query, keep: 5, uniqueBy: query }
\`\`\`

The keys of a computed trait:
`;

const segmentsNote = `Under \`segments:\` stands who is in which segment ([segments.md](segments.md)): one clause a segment, or several
under \`all:\`, \`any:\` or \`not:\`, nested up to eight deep. A name has at most 64 letters, digits, \`_\`, \`.\` and \`-\`.

\`\`\`yaml
segments:
  big-spenders: { trait: totalRevenue, atLeast: 500 }
  repeat-buyers: { event: Order Completed, within: 90d, times: { atLeast: 2 } }
  cart-abandoned:
    all:
      - { trait: cart.count, atLeast: 1 }
      - { trait: cart.updatedAt, olderThan: 30m }
      - { consent: email.marketing, is: granted }
      - { not: { segment: staff } }
  staff: { list: ./lists/staff.csv, match: email }
\`\`\`

The keys of a clause:
`;

const planNote = `\`trackingPlan:\` names a folder of JSON Schemas, one an event ([tracking-plan.md](tracking-plan.md)); or, to
say more, it is a map:
`;

const enrichmentNote = `Under \`enrichment:\` stands what is found out about an event when it comes ([concepts.md](concepts.md#facts)), and
whether addresses are kept. It is read at start.

\`\`\`yaml
enrichment: { geoip: ./GeoLite2-Country.mmdb, keepIp: false }
\`\`\`

The keys:
`;

const consentNote = `Under \`consent:\` stands what holds where a profile says nothing ([concepts.md](concepts.md#consent-and-suppression)).

\`\`\`yaml
consent:
  defaults: { email.marketing: opt-in, push: opt-out }
  transactional: [orders]
  categories: { Marketing: [email.marketing, push] }
\`\`\`

When the categories are others than at the last start, profiles are rebuilt beside the service. The keys:
`;

const identityNote = `Under \`identity:\` stands what profiles are called ([concepts.md](concepts.md#who-is-who)): identifiers beside the
built-in \`user_id\`, \`email\` and \`anonymous_id\`, how many of each a profile takes, and values that name nobody. The
value of \`phone\` is the trait \`phone\` of an \`identify\`, or an id of that type under \`context.externalIds\`. When
the identifiers are others than at the last start, profiles are rebuilt beside the service.

\`\`\`yaml
identity:
  phone: { limit: 3, priority: 4, normalise: phone }
  loyalty_card: { limit: 1 }
  anonymous_id: { limit: 200 }
  user_id: { block: ["42-demo"], allow: ["0"] }
\`\`\`

| Identifier | Default limit | Default priority |
| --- | --- | --- |`;

const contentNote = `Under \`content:\` stands where the blocks of e-mails lie ([content.md](content.md)).
`;

const destinationsNote = `Where profiles go ([destinations.md](destinations.md)), by name. A destination that is added, or whose mapping changes,
gets every profile there is, as far as it differs from what was acknowledged. Changes of this section are taken into use
at work. Beside these keys each type has its own, such as keys of the API; give secrets as \`\${VARIABLE}\`.

\`\`\`yaml
destinations:
  crm:
    type: customerio
    siteId: "\${CIO_SITE_ID}"
    apiKey: "\${CIO_API_KEY}"
    map: { first_name: firstName, last_cart_value: cart.value, greeting: "Hello {{ firstName }}" }
    events: [Order Completed]
\`\`\`
`;

const triggersNote = `What is sent when something happens ([triggers.md](triggers.md)), by name; and under \`caps:\` how much of it one
person gets. Taken into use at work.

\`\`\`yaml
triggers:
  cart-mail:
    when: { enters: cart-abandoned }
    send: { block: cart-reminder, through: mail, subject: "Your cart is waiting", topic: marketing }
    limits: { oncePer: 7d, quietHours: "21:00-08:00", timeZone: Europe/Berlin, maxLate: 1h, holdout: 5% }
caps:
  - { most: 2, within: 1d, topic: marketing }
\`\`\`
`;

const alertsNote = `Under \`alerts:\` stands when ingest counts as unwell ([operations.md](operations.md), "Alerts"). Every key
has a default, and so has the block.

\`\`\`yaml
alerts:
  webhook: "\${ALERT_WEBHOOK}"
  quiet: { shop: 15m }
  diskFree: 5GB
\`\`\`
`;

const auditsNote = `Under \`audits:\` stands how the data is watched ([audits.md](audits.md)). Every key has a default, and so has
the block. It is read at the start.

\`\`\`yaml
audits:
  every: 1h
  traits: { email: { coverage: 40 }, plan: { maxAge: 7d, stale: 20 } }
  crossChecks:
    orders:
      key: order_id
      left: { source: web, event: Order Completed, property: total }
      right: { source: shop, event: Order Completed, property: total }
  ignore: ["volume:newsletter:*"]
\`\`\`
`;

const freshnessNote = `Under \`freshness:\` stands how fresh profiles are meant to be ([audits.md](audits.md#freshness)).

\`\`\`yaml
freshness: { stage: visible, within: 1s, target: 99.9, window: 28d }
\`\`\`
`;

function describeWatchKey(section: string, { key, description, expected, defaultValue }: WatchKey): string {
  const value = expected === "" ? "" : ` Value: ${expected}.`;
  const isPlain = typeof defaultValue === "string" || typeof defaultValue === "number";
  return `- \`${section}.${key}\`: ${description}${value}${isPlain ? ` Default: \`${defaultValue}\`.` : ""}`;
}

function describeAlertKey({ key, description, expected, defaultValue }: AlertKey): string {
  const fallback =
    typeof defaultValue === "string" || typeof defaultValue === "number" ? `\`${defaultValue}\`` : "none";
  return `- \`alerts.${key}\`: ${description} Value: ${expected}. Default: ${fallback}.`;
}

function describeOption(option: Option): string {
  const { key, flag, placeholder, env, expected, description, defaultValue, inFile } = option;
  const lines = [`- Flag: \`${flag} <${placeholder}>\``, `- Variable: \`${env}\``];
  if (inFile) lines.push(`- In freshet.yaml: \`serve.${key}\``);
  lines.push(
    `- Value: ${expected}`,
    `- Default: ${Array.isArray(defaultValue) ? "none" : `\`${String(defaultValue)}\``}`,
  );
  return `### ${key}\n\n${description}\n\n${lines.join("\n")}\n`;
}
