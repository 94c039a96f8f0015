/** Brevo: external feeds. */
import { blockUrl, commonRules, curly, fieldName, inert, page, type Vendor } from "./vendor.ts";

const started = page("https://developers.brevo.com/docs/getting-started-with-external-feeds");
const managing = page("https://developers.brevo.com/docs/external-feeds-management");
const feeds = page("https://help.brevo.com/hc/de/articles/24603889506450-Erstellen-eines-Datenfeeds");
const creating = page("https://developers.brevo.com/reference/create-external-feed");

export const brevo: Vendor = {
  id: "brevo",
  name: "Brevo external feeds",
  reach: "perRecipient",
  how: "An external feed of the campaign asks for the block; for each contact where caching is off.",
  accept: "application/json",
  sendsHeader: true,
  rules: [
    ...commonRules,
    {
      id: "failing-skips",
      says: "A contact for whom the feed fails gets no e-mail; a feed that fails for all sends none.",
      source: started,
      check: { kind: "status" },
    },
    {
      id: "object",
      says: "Values are read by their names (feed.name.field).",
      source: started,
      check: { kind: "object" },
    },
    {
      id: "content-type",
      says: "The feed is JSON.",
      source: started,
      check: { kind: "contentType", type: "application/json" },
    },
    { id: "charset", says: "The charset is UTF-8, and said.", source: null, check: { kind: "charset" } },
    {
      id: "static-token",
      says: "The token is set when the feed is made, and sent as it is.",
      source: creating,
      check: { kind: "staticCredential" },
    },
    {
      id: "cache-key",
      says: "With cache on, an answer serves all for an hour; off, each of n contacts is a request.",
      source: managing,
      check: { kind: "cacheKey" },
    },
    {
      id: "burst",
      says: "n contacts are n requests, repeated up to 5 times where they fail.",
      source: creating,
      check: { kind: "burst", recipients: 100, limitMs: 5_000 },
    },
    {
      id: "time",
      says: "The answer is there within 5 seconds (Brevo names no limit).",
      source: null,
      check: { kind: "time", limitMs: 5_000 },
    },
    {
      id: "redirect",
      says: "The feed lies at a direct URL that everybody can reach.",
      source: feeds,
      check: { kind: "redirect" },
    },
    {
      id: "personal",
      says: "A feed with contacts' attributes in it (a personalised feed) takes an Enterprise account; a global one is the same for all.",
      source: feeds,
      check: { kind: "told" },
    },
  ],
  snippet: (input) => ({
    parts: [
      {
        title: "Feed",
        where: "a terminal: makes the feed in Brevo; BREVO_KEY and FRESHET_KEY are yours",
        language: "shell",
        code: `curl https://api.brevo.com/v3/feeds -H "api-key: $BREVO_KEY" -H "content-type: application/json" -d '{
  "name": "${fieldName(input.block)}",
  "url": "${blockUrl(input)}?id=email:{{ contact.EMAIL|urlencode }}",
  "authType": "token",
  "token": "'"$FRESHET_KEY"'",
  "headers": [],
  "maxRetries": 5,
  "cache": false
}'`,
      },
      {
        title: "Template",
        where: "the e-mail's HTML, the first line before <body>",
        language: "hubl",
        code: `<!--feed.freshet : {{feed.get("${fieldName(input.block)}")}}-->
{% if feed.freshet.html %}
{{ feed.freshet.html|safe }}
{% else %}
${inert(input.fallback, curly)}
{% endif %}`,
      },
    ],
    notes: [
      "A feed of contacts' own takes an Enterprise account. With another, make the feed a global one (its URL from freshet content-token … --everybody --url), and push traits to attributes through a destination.",
      "How an attribute is written in the feed's URL is not confirmed by a page that we found: send a test to two contacts with different carts before the campaign.",
    ],
  }),
};
