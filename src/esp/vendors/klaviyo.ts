/** Klaviyo: web feeds, one for everybody. */
import { blockUrl, commonRules, curly, fieldName, inert, page, type Vendor } from "./vendor.ts";

const feed = page("https://help.klaviyo.com/hc/en-us/articles/115005258768");
const api = page("https://developers.klaviyo.com/en/reference/web_feeds_api_overview");

export const klaviyo: Vendor = {
  id: "klaviyo",
  name: "Klaviyo web feeds",
  reach: "shared",
  how: "A web feed is fetched every 15 minutes and is the same for all recipients; what is somebody's own is pushed to the profile.",
  accept: "application/json",
  sendsHeader: false,
  rules: [
    ...commonRules,
    {
      id: "shared-url",
      says: "One URL for a feed, fetched on a schedule and not for a recipient.",
      source: feed,
      check: { kind: "sharedUrl" },
    },
    {
      id: "no-header",
      says: "A feed has a URL, a request method and a content type; headers can't be added.",
      source: page("https://developers.klaviyo.com/en/v2026-07-15/reference/get_web_feeds.md", "2026-12"),
      check: { kind: "noHeader" },
    },
    { id: "size", says: "At most 3.3 MB.", source: feed, check: { kind: "size", maxBytes: 3_300_000 } },
    {
      id: "time",
      says: "Within 5 seconds, or it is fetched only nightly.",
      source: feed,
      check: { kind: "time", limitMs: 5_000 },
    },
    {
      id: "redirect",
      says: "The URL does not redirect; e-mails with one that does are not sent.",
      source: feed,
      check: { kind: "redirect" },
    },
    {
      id: "content-type",
      says: "JSON or XML.",
      source: feed,
      check: { kind: "contentType", type: "application/json" },
    },
    { id: "object", says: "Values are read by their names.", source: feed, check: { kind: "object" } },
    { id: "charset", says: "The charset is UTF-8, and said.", source: null, check: { kind: "charset" } },
    {
      id: "feeds",
      says: "An account has at most 10 web feeds.",
      source: api,
      check: { kind: "told" },
    },
  ],
  snippet: (input) => ({
    parts: [
      {
        title: "Feed URL",
        where: "this prints it; paste it at Settings › Other › Web feeds",
        language: "shell",
        code: `freshet content-token ${input.block} --everybody --url`,
      },
      {
        title: "Web feed",
        where: "Settings › Other › Web feeds › Create web feed",
        language: "text",
        code: `Name: ${fieldName(input.block)}
URL: ${blockUrl(input)}?token=<the token that was printed>
Request method: GET
Content type: JSON`,
      },
      {
        title: "E-mail",
        where: "an HTML block of the e-mail",
        language: "hubl",
        code: `{% if feeds.${fieldName(input.block)}.html %}
{{ feeds.${fieldName(input.block)}.html|safe }}
{% else %}
${inert(input.fallback, curly)}
{% endif %}`,
      },
    ],
    notes: [
      "A feed is for everybody: use it for blocks that need nobody's traits. What is somebody's own goes to Klaviyo as properties of the profile, through a destination.",
      "The token opens this block for nobody in particular, so it tells nothing of anybody to whoever finds it.",
    ],
  }),
};
