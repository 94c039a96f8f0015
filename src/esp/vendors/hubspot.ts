/** HubSpot: e-mails can't call out; a workflow before them can. */
import { blockUrl, commonRules, curly, fieldName, inert, page, type Vendor } from "./vendor.ts";

const programmable = page(
  "https://developers.hubspot.com/docs/guides/cms/content/data-driven-content/emails-with-programmable-content",
);
const webhooks = page("https://developers.hubspot.com/docs/methods/workflows/webhook_information");
const code = page("https://developers.hubspot.com/docs/reference/api/automation/custom-code-actions");
const knowledge = page(
  "https://knowledge.hubspot.com/workflows/how-do-i-use-webhooks-with-hubspot-workflows",
);

export const hubspot: Vendor = {
  id: "hubspot",
  name: "HubSpot",
  reach: "workflow",
  how: "A custom code action of the workflow asks for the block and puts it into a property; the e-mail reads that.",
  accept: "application/json",
  sendsHeader: true,
  rules: [
    ...commonRules,
    {
      id: "no-call",
      says: "Programmable e-mails read CRM objects, HubDB and custom objects, and nothing from outside.",
      source: programmable,
      check: { kind: "told" },
    },
    {
      id: "https-only",
      says: "Webhook actions call https URLs alone.",
      source: knowledge,
      check: { kind: "https" },
    },
    {
      id: "time",
      says: "A workflow waits 3 seconds for the connection and 30 for the answer; our action gives up after 5.",
      source: webhooks,
      check: { kind: "time", limitMs: 5_000 },
    },
    {
      id: "retry",
      says: "4xx is not tried again, but for 429; other failures for up to three days.",
      source: webhooks,
      check: { kind: "told" },
    },
    {
      id: "object",
      says: "Outputs of an action have names.",
      source: code,
      check: { kind: "object" },
    },
    {
      id: "content-type",
      says: "The answer is JSON.",
      source: code,
      check: { kind: "contentType", type: "application/json" },
    },
    { id: "charset", says: "The charset is UTF-8, and said.", source: null, check: { kind: "charset" } },
    {
      id: "size",
      says: "A property holds at most 65,536 characters.",
      source: null,
      check: { kind: "size", maxBytes: 65_536, of: "html" },
    },
    {
      id: "redirect",
      says: "Redirects are not to be counted on.",
      source: null,
      check: { kind: "redirect" },
    },
    {
      id: "burst",
      says: "A workflow's contacts arrive together.",
      source: null,
      check: { kind: "burst", recipients: 100, limitMs: 5_000 },
    },
  ],
  snippet: (input) => ({
    parts: [
      {
        title: "Custom code action",
        where: "the workflow, before the e-mail; secret FRESHET_KEY, input email, output html",
        language: "javascript",
        code: `const axios = require("axios");
const { env } = process;

exports.main = async (event, callback) => {
  let html = "";
  try {
    const answer = await axios.get("${blockUrl(input)}", {
      params: { id: \`email:\${event.inputFields.email}\` },
      headers: { Authorization: \`Bearer \${env.FRESHET_KEY}\` },
      timeout: 5000,
    });
    html = answer.data.html;
  } catch (error) {
    console.log("no block, the e-mail's own fallback stands in");
  }
  callback({ outputFields: { html } });
};`,
      },
      {
        title: "Property",
        where: "the next action: Edit record",
        language: "text",
        code: `${fieldName(input.block)} (multi-line text) = output html of the action before`,
      },
      {
        title: "E-mail",
        where: "a programmable module of the e-mail",
        language: "hubl",
        code: `{% if contact.${fieldName(input.block)} %}
{{ contact.${fieldName(input.block)} }}
{% else %}
${inert(input.fallback, curly)}
{% endif %}`,
      },
    ],
    notes: [
      "A campaign that is no workflow can't ask: push traits to properties through a destination, and lay them out in the e-mail.",
      "What the action kept stays in the property: put it right before the e-mail.",
    ],
  }),
};
