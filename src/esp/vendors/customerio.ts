/** Customer.io: an action of the workflow asks, and the message reads what came. */
import { blockUrl, commonRules, curly, fieldName, inert, page, type Vendor } from "./vendor.ts";

const action = page("https://docs.customer.io/journeys/webhooks-action");

export const customerio: Vendor = {
  id: "customerio",
  name: "Customer.io",
  reach: "workflow",
  how: "A Send and receive data action right before the message asks for the block and keeps it as an attribute.",
  accept: "application/json",
  sendsHeader: true,
  rules: [
    ...commonRules,
    {
      id: "method",
      says: "The action makes GET, POST, PUT, PATCH or DELETE requests, with headers of your choice.",
      source: action,
      check: { kind: "told" },
    },
    {
      id: "object",
      says: "Values of a JSON answer are kept as attributes by their names.",
      source: action,
      check: { kind: "object" },
    },
    {
      id: "content-type",
      says: "The answer is JSON.",
      source: action,
      check: { kind: "contentType", type: "application/json" },
    },
    {
      id: "size",
      says: "An attribute holds 1,000 bytes.",
      source: null,
      check: { kind: "size", maxBytes: 1_000, of: "html" },
    },
    { id: "charset", says: "The charset is UTF-8, and said.", source: null, check: { kind: "charset" } },
    {
      id: "time",
      says: "The answer is there within 4 seconds (what Customer.io allows its reporting webhooks; none is told for this action).",
      source: null,
      check: { kind: "time", limitMs: 4_000 },
    },
    {
      id: "redirect",
      says: "Redirects are not to be counted on.",
      source: null,
      check: { kind: "redirect" },
    },
    {
      id: "cache-key",
      says: "The person stands in the URL.",
      source: action,
      check: { kind: "cacheKey" },
    },
    {
      id: "burst",
      says: "A campaign's people arrive together.",
      source: null,
      check: { kind: "burst", recipients: 100, limitMs: 4_000 },
    },
  ],
  snippet: (input) => ({
    parts: [
      {
        title: "Action",
        where: "the workflow, right before the e-mail: Send and receive data",
        language: "text",
        code: `GET ${blockUrl(input)}?id=user_id:{{customer.id | url_encode}}
Header: Authorization: Bearer <a secret key of its own>
Response: attribute ${fieldName(input.block)} = {{response.html}}`,
      },
      {
        title: "Message",
        where: "the e-mail's HTML",
        language: "liquid",
        code: `{% if customer.${fieldName(input.block)} != blank %}
{{ customer.${fieldName(input.block)} }}
{% else %}
${inert(input.fallback, curly)}
{% endif %}`,
      },
    ],
    notes: [
      "What the action kept stays until the next time it runs: put it right before the message, without a delay between.",
      "An attribute holds 1,000 bytes. For larger blocks keep values of data (response.data.firstName), and lay them out in the message.",
    ],
  }),
};
