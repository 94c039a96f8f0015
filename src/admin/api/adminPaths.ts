/** The paths of the admin page and of its API, for the table of all paths. */

const answer = { contentType: "application/json" } as const;
const page = { contentType: "text/html" } as const;
const cursor = { cursor: "the nextCursor of the page before", limit: "at most 1,000" } as const;
const namespace = { namespace: "live (default) or test" } as const;
const id = { id: "type:value, or a bare value of any type" } as const;

const get = (path: string, summary: string, query: Readonly<Record<string, string>> = {}) =>
  ({ method: "GET", path: `/admin/api/${path}`, summary, scope: "admin", query, answer }) as const;
const post = (path: string, summary: string) =>
  ({ method: "POST", path: `/admin/api/${path}`, summary, scope: "admin", answer }) as const;

/** A key with the scope admin, or a session of the page; with a session, POST needs X-CSRF-Token. */
export const adminPaths = [
  { method: "GET", path: "/admin", summary: "The admin page", scope: null, answer: page },
  {
    method: "GET",
    path: "/admin/",
    summary: "Leads to the admin page",
    scope: null,
    answer: { ...page, status: 302 },
  },
  {
    method: "GET",
    path: "/admin/:name",
    summary: "The admin page's files",
    scope: null,
    answer: { contentType: "text/javascript" },
  },
  {
    method: "GET",
    path: "/admin/api/session",
    summary: "Who is signed in to the admin page",
    scope: null,
    answer,
  },
  {
    method: "POST",
    path: "/admin/api/session",
    summary: 'Signs in: {"key":"sk_…"}; sets a cookie',
    scope: null,
    answer,
  },
  post("session/end", "Signs out"),
  get("river", "Rates, latencies, sources, newest events", {
    after: "only points younger than this time, milliseconds",
    afterSeq: "only events after this seq",
  }),
  get("alerts", "What is wrong with ingest, and what was since the start"),
  post("alerts/test", "Sends a test message to the webhook of alerts"),
  get("profiles", "The profiles that changed last", namespace),
  get("profile", "One profile with the origin of everything in it", { ...id, ...namespace }),
  get("timeline", "A profile's events, newest first", {
    ...id,
    ...namespace,
    ...cursor,
    type: "only this call",
    name: "only names that contain this text",
    source: "only this source",
  }),
  get("traits", "What a profile's traits were before, by its newest 300 events", { ...id, ...namespace }),
  get("segments", "Every segment with the size of its audience", namespace),
  get("segment", "One segment: its rule in words, size and sizes over 30 days", {
    name: "the segment",
    ...namespace,
  }),
  get("segment/members", "Who is in a segment", { name: "the segment", ...namespace, ...cursor }),
  get("segment/explain", "Why a profile is in a segment or is not", {
    name: "the segment",
    ...id,
    ...namespace,
  }),
  get("event", "Every event with this messageId", { messageId: "as the client sent it", ...namespace }),
  get("content", "Every content block, and what is wrong with it"),
  get("content/block", "One block: its text, and the versions that were sent", { name: "the block" }),
  post("content/preview", "How a block would look: {block, id, at, draft, version, level}"),
  {
    method: "GET",
    path: "/admin/api/content/frame",
    summary: "A previewed e-mail, for a frame",
    scope: "admin",
    query: {
      name: "as a preview told it",
      pictures: "true lets it fetch pictures",
      scheme: "light (default) or dark",
    },
    answer: page,
  },
  get("content/esps", "The ESPs that we know, and how each gets at content"),
  get("content/snippet", "What to paste into an ESP for a block", {
    block: "the block",
    esp: "the ESP's name of content/esps",
    url: "where the ESP reaches this server; without it the first public URL",
  }),
  post("content/send", "Sends a block to an address as a test: {block, id, through, to, subject}"),
  get("content/preflight", "The preflight under way, or the last one"),
  post("content/preflight", "Begins a preflight: {block, segment}; without segment for everybody"),
  get("content/preflight/sample", "One of the e-mails that the last preflight shows", {
    at: "0 for the first",
  }),
  get("receipts", "The newest 50 receipts of content", { ...id, block: "only of this block", ...namespace }),
  get("receipt", "One receipt, and what was sent made again", { name: "rcp_…" }),
  get("quarantine", "What waits in the quarantine, by code and source"),
  get("quarantine/pieces", "What was refused, newest first", {
    ...cursor,
    code: "with source: only what waits of this group",
    source: "with code",
  }),
  get("quarantine/piece", "One piece, as it came", { id: "qrn_…" }),
  post("quarantine/replay", 'Sends pieces through the door again: {"ids":[…]} or {"code","source","cursor"}'),
  get("quarantine/mend", "The mending under way, or the last one, with what it gave"),
  post(
    "quarantine/mend",
    'Mends pieces and sends them again, or with "dryRun" tells what would become of them: {"code","source","ids","mapping","expression","dryRun"}',
  ),
  get("config", "The configuration file, its versions, the work on it"),
  get("config/version", "The text of a version that was in use", { version: "its number" }),
  post("config/check", 'What is wrong with a configuration, or what it would change: {"text"}'),
  post("config/plan", 'Begins to find what a configuration would do to profiles: {"text"}'),
  post("config/apply", 'Saves a configuration and begins to take it into use: {"text","base"}'),
  get("plan", "The tracking plan and what broke it", { days: "of the last so many days, at most 90" }),
  post("plan/check", 'Begins to hold past events against a file of the plan: {"text","days"}'),
  get("keys", "All keys, without their text"),
  post("keys", "Makes a key; its text is told this once"),
  post("keys/revoke", 'Revokes a key: {"id":"key_…"}'),
  get("storage", "Sizes, growth, backups, the last verification"),
  post("storage/backup", "Begins a backup"),
  post("storage/verify", "Begins a verification"),
  get("audits", "The newest audit and what it found, earlier ones, what profiles have"),
  get("audits/run", "One audit and what it found", { id: "its number" }),
  get("audits/finding", "What a finding is about: events, profiles, rows that differ", {
    run: "the audit's number",
    key: "the finding's key",
  }),
  get("audits/days", "A kind of event by day", {
    source: "the source",
    event: "the event's name; empty for the whole source",
    property: "also numbers of this property",
  }),
  get("audits/trait", "Coverage of a trait by day", { trait: "the trait", segment: "only of this segment" }),
  post("audits/run", "Begins an audit"),
  get("freshness", "How long events took, by source and event, and the error budget", {
    range: "6h, 1d (default), 7d or 28d",
  }),
  get("destinations", "Every destination: state, lag, queue, last error"),
  get("destination", "One destination and what it did lately", {
    name: "the destination",
    range: "hour (default) or day",
  }),
  get("destination/letters", "Dead letters, newest first", { name: "the destination", ...cursor }),
  post(
    "destination/act",
    'Acts on a destination: {"act","name"}; act is pause, resume, refill, test, drift, repair, or with "ids" replay or discard',
  ),
  get("profile/deliveries", "What destinations know of a profile, and its messages", {
    ...id,
    ...namespace,
  }),
  get("triggers", "What each trigger did, and what it was good for", {
    days: "of so many days, at most 180",
  }),
  get("triggers/log", "The newest 50 times that a trigger was set off", { name: "the trigger" }),
  get("audit", "What operators did, newest first", { ...cursor, action: "only this action" }),
] as const;
