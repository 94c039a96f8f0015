/** Iterable: data feeds. */
import { blockUrl, commonRules, curly, inert, page, type Vendor } from "./vendor.ts";

const service = page(
  "https://support.iterable.com/hc/en-us/articles/45728211053332-Creating-a-Data-Feed-Web-Service",
);
const templates = page(
  "https://support.iterable.com/hc/en-us/articles/204795659-Personalizing-Templates-with-Data-Feeds",
);
const skips = page("https://support.iterable.com/hc/en-us/articles/360021169631-Send-Skips");

export const iterable: Vendor = {
  id: "iterable",
  name: "Iterable data feeds",
  reach: "perRecipient",
  how: "A data feed of the campaign asks for the block for each recipient.",
  accept: "application/json",
  sendsHeader: true,
  rules: [
    ...commonRules,
    {
      id: "time",
      says: "The answer is there within 10 seconds.",
      source: service,
      check: { kind: "time", limitMs: 10_000 },
    },
    {
      id: "status-skips",
      says: "An answer other than 200 holds the message back (send skip, DataFeedError).",
      source: skips,
      check: { kind: "status" },
    },
    {
      id: "content-type",
      says: "JSON, XML, RSS or Atom.",
      source: service,
      check: { kind: "contentType", type: "application/json" },
    },
    {
      id: "object",
      says: "JSON is an object at the top, not a list.",
      source: templates,
      check: { kind: "object" },
    },
    { id: "charset", says: "The charset is UTF-8, and said.", source: templates, check: { kind: "charset" } },
    {
      id: "static-token",
      says: "An Authorization header holds a static token; none is fetched or renewed.",
      source: service,
      check: { kind: "staticCredential" },
    },
    {
      id: "cache-key",
      says: "What makes the answer somebody's own, query parameters or headers, also decides what is cached.",
      source: service,
      check: { kind: "cacheKey" },
    },
    { id: "redirect", says: "Redirects are not followed.", source: null, check: { kind: "redirect" } },
    {
      id: "burst",
      says: "A feed that can't keep up slows the campaign down.",
      source: service,
      check: { kind: "burst", recipients: 100, limitMs: 10_000 },
    },
  ],
  snippet: (input) => ({
    parts: [
      {
        title: "Data feed",
        where: "Integrations › Data Feeds › New Data Feed",
        language: "text",
        code: `Name: freshet
URL: ${blockUrl(input)}?id=user_id:{{#urlEncode}}{{userId}}{{/urlEncode}}
Type: JSON
Header: Authorization: Bearer <a secret key of its own>
Context alias: freshet`,
      },
      {
        title: "Template",
        where: "the e-mail's HTML; attach the feed, and merge feed and user contexts",
        language: "handlebars",
        code: `{{#if freshet.html}}
{{{freshet.html}}}
{{else}}
${inert(input.fallback, curly)}
{{/if}}`,
      },
    ],
    notes: [
      "The key stands in the feed's header alone, never in the template.",
      "Projects that know people by e-mail: id=email:{{#urlEncode}}{{email}}{{/urlEncode}}.",
    ],
  }),
};
