/** Braze: Connected Content. */
import { blockUrl, commonRules, curly, inert, page, type Vendor } from "./vendor.ts";

const docs = "https://www.braze.com/docs/user_guide/personalization_and_dynamic_content/connected_content";
const calling = page(`${docs}/making_an_api_call`);
const caching = page(`${docs}/caching_responses`);
const sources = page(
  "https://braze.com/docs/user_guide/messaging/design_and_edit/personalize/sources/rest_api/",
);
const variables = page(`${docs}/local_connected_content_variables`);

export const braze: Vendor = {
  id: "braze",
  name: "Braze Connected Content",
  reach: "perRecipient",
  how: "Braze asks for the block while it renders each recipient's message.",
  // What it sends unless the tag names a :content_type.
  accept: "*/*",
  sendsHeader: true,
  rules: [
    ...commonRules,
    {
      id: "ports",
      says: "Only URLs on port 80 (http) and 443 (https) are called.",
      source: calling,
      check: { kind: "ports", ports: [80, 443] },
    },
    {
      id: "time",
      says: "The answer is there within 2 seconds; one that is late renders as nothing.",
      source: sources,
      check: { kind: "time", limitMs: 2_000 },
    },
    {
      id: "redirect",
      says: "Redirects are not followed.",
      source: page(`${docs}/making_an_api_call/`, "2026-12"),
      check: { kind: "redirect" },
    },
    {
      id: "object",
      says: "JSON is kept under a name (:save), to read its values from.",
      source: variables,
      check: { kind: "object" },
    },
    {
      id: "content-type",
      says: "What is JSON is parsed; any other text stands in the message as it is.",
      source: variables,
      check: { kind: "contentType", type: "application/json" },
    },
    {
      id: "charset",
      says: "The answer says that it is UTF-8 and is.",
      source: null,
      check: { kind: "charset" },
    },
    {
      id: "size",
      says: "An answer above 1 MB is not cached.",
      source: caching,
      check: { kind: "size", maxBytes: 1_000_000 },
    },
    {
      id: "cache-key",
      says: "A GET's answer is kept at least five minutes by its URL, and serves every message with an equal one unless :no_cache says otherwise.",
      source: caching,
      check: { kind: "cacheKey" },
    },
    {
      id: "repeat",
      says: "One message may be rendered several times (HTML, text, AMP, checks, retries), each with a call of its own.",
      source: calling,
      check: { kind: "repeat", calls: 3 },
    },
    {
      id: "burst",
      says: "Thousands of connections come at once. A host that is slow or refuses many calls counts as unhealthy, and is not called for a while.",
      source: sources,
      check: { kind: "burst", recipients: 100, limitMs: 2_000 },
    },
    {
      id: "status-of-objects",
      says: "The answer's status can be read (__http_status_code__) only where it is 2xx and the JSON is an object.",
      source: page(`${docs}/local_connected_content_variables`, "2026-12"),
      check: { kind: "object" },
    },
    {
      id: "not-found",
      says: "404 renders as nothing; 500 and 502 go to the retry logic.",
      source: calling,
      check: { kind: "told" },
    },
  ],
  snippet: (input) => ({
    parts: [
      {
        title: "Credential",
        where: "Settings › Connected Content › Add Credential",
        language: "text",
        code: "Name: freshet\nUser name: a secret key of its own (freshet keys create --kind secret --scopes content)\nPassword: x",
      },
      {
        title: "Message",
        where: "the e-mail's HTML, where the block is to stand",
        language: "liquid",
        code: `{% connected_content ${blockUrl(input)}?id=user_id:{{\${user_id} | url_param_escape}} :basic_auth freshet :no_cache :save freshet %}
{% if freshet.__http_status_code__ == 200 and freshet.html != blank %}
{{freshet.html}}
{% else %}
${inert(input.fallback, curly)}
{% endif %}`,
      },
    ],
    notes: [
      "The text part asks again: use {{freshet.text}} there, with the same tag before it.",
      ":no_cache makes each message as fresh as its rendering. Without it Braze may use an answer of the last five minutes for the same person.",
    ],
  }),
};
