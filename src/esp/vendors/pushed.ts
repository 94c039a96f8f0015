/** ESPs whose e-mails can't call anybody: Mailchimp, SendGrid, ActiveCampaign. What they show is pushed to them. */
import {
  blockUrl,
  commonRules,
  curly,
  fieldName,
  inert,
  ours,
  page,
  type Vendor,
  type VendorRule,
} from "./vendor.ts";

/** Who asks here is code of yours, by our rules and nobody's else. */
const own = ours("content.md");

/** What holds for code of yours, or a destination, that asks and pushes. */
function pushRules(source: VendorRule["source"], says: string): readonly VendorRule[] {
  return [
    ...commonRules,
    { id: "no-call", says, source, check: { kind: "told" } },
    {
      id: "content-type",
      says: "The answer is JSON, for the code that pushes it.",
      source: own,
      check: { kind: "contentType", type: "application/json" },
    },
    { id: "object", says: "Values are read by their names.", source: own, check: { kind: "object" } },
    { id: "charset", says: "The charset is UTF-8, and said.", source: own, check: { kind: "charset" } },
    { id: "redirect", says: "The address is the last one.", source: own, check: { kind: "redirect" } },
    {
      id: "batch",
      says: "Up to 100 recipients come in one request, in order.",
      source: own,
      check: { kind: "batch" },
    },
    {
      id: "burst",
      says: "A campaign's recipients are asked for together, and none is refused for load.",
      source: own,
      check: { kind: "burst", recipients: 100, limitMs: 10_000 },
    },
  ];
}

const rss = page("http://kb.mailchimp.com/campaigns/rss-in-campaigns/troubleshooting-rss-in-campaigns");

export const mailchimp: Vendor = {
  id: "mailchimp",
  name: "Mailchimp",
  reach: "push",
  how: "Mailchimp calls nobody for a recipient: traits are pushed to merge fields, and a link with a token shows the block in the browser.",
  accept: "application/json",
  sendsHeader: true,
  rules: [
    ...pushRules(rss, "The only thing that a campaign fetches is a public RSS feed, the same for all."),
    {
      id: "merge-field",
      says: "A text merge field holds 255 bytes: a value or a token, not a block.",
      source: null,
      check: { kind: "told" },
    },
    {
      id: "conditional",
      says: "*|IF:TAG|* … *|ELSE:|* … *|END:IF|* asks whether a tag has a value (told of its transactional e-mails).",
      source: page(
        "https://mandrill.zendesk.com/hc/en-us/articles/360039278713-About-Dynamic-and-Conditional-Merge-Tags",
      ),
      check: { kind: "told" },
    },
  ],
  snippet: (input) => {
    const tags = input.needs.map(tagOf);
    const [first = "FRESHET"] = tags;
    const values = tags.length === 0 ? "" : `<p>${tags.map((tag) => `*|${tag}|*`).join(" ")}</p>\n`;
    return {
      parts: [
        {
          title: "Merge fields",
          where: "Audience › Settings › Audience fields; pushed by a destination, or imported",
          language: "text",
          code: [
            ...input.needs.map((need, index) => `${tags[index] ?? ""} = ${need}`),
            "FRESHET = the content token",
          ].join("\n"),
        },
        {
          title: "Tokens",
          where: "a terminal; import the file, freshet_token as FRESHET",
          language: "shell",
          code: `freshet content-token ${input.block} --all email > freshet-tokens.csv`,
        },
        {
          title: "E-mail",
          where: "a code block of the campaign",
          language: "html",
          code: `*|IF:${first}|*
${values}<p><a href="${blockUrl(input, ".html")}?token=*|FRESHET|*">See it as it is now</a></p>
*|ELSE:|*
${inert(input.fallback, /\*(?=\|)/g)}
*|END:IF|*`,
        },
      ],
      notes: [
        "Values are as fresh as the last push; the link shows the block as it is when it is opened, and never an empty page.",
      ],
    };
  },
};

/** Mailchimp's tags have at most ten letters and digits. */
function tagOf(trait: string): string {
  return trait
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "")
    .slice(0, 10);
}

const handlebars = page("https://www.twilio.com/docs/sendgrid/for-developers/sending-email/using-handlebars");

export const sendgrid: Vendor = {
  id: "sendgrid",
  name: "SendGrid",
  reach: "push",
  how: "SendGrid calls nobody: your sender asks for the blocks and passes them as dynamic template data.",
  accept: "application/json",
  sendsHeader: true,
  rules: [
    ...pushRules(
      handlebars,
      "A template renders what the request passes in dynamic_template_data, and fetches nothing.",
    ),
    {
      id: "size",
      says: "A request with all its recipients' data stays below 30 MB, so that 1,000 recipients have 30 KB each.",
      source: page("https://docs.sendgrid.com/api-reference/mail-send/limitations", "2026-12"),
      check: { kind: "size", maxBytes: 30_000 },
    },
  ],
  snippet: (input) => ({
    parts: [
      {
        title: "Sender",
        where: "your code, right before it sends; FRESHET_KEY and SENDGRID_API_KEY are yours",
        language: "javascript",
        code: `const axios = require("axios");
const sendgrid = require("@sendgrid/mail");
const { env } = process;
sendgrid.setApiKey(env.SENDGRID_API_KEY);

async function send(recipients, message) {
  const ids = recipients.map(({ email }) => \`email:\${email}\`);
  const headers = { Authorization: \`Bearer \${env.FRESHET_KEY}\` };
  const results = await axios
    .post("${blockUrl(input)}", { ids }, { headers, timeout: 5000 })
    .then((answer) => answer.data.results)
    .catch(() => []);
  const personalizations = recipients.map(({ email }, index) => ({
    to: [{ email }],
    dynamicTemplateData: { freshet: { html: results[index]?.html ?? "" } },
  }));
  return sendgrid.send({ ...message, personalizations });
}`,
      },
      {
        title: "Template",
        where: "the dynamic template's code",
        language: "handlebars",
        code: `{{#if freshet.html}}
{{{freshet.html}}}
{{else}}
${inert(input.fallback, curly)}
{{/if}}`,
      },
    ],
    notes: [
      "At most 100 recipients in one request to Freshet; ask again for more.",
      "Marketing campaigns have no sender of yours: push traits to custom fields through a destination.",
    ],
  }),
};

const personalisation = page("https://activecampaign.design/docs/patterns/personalization");

export const activecampaign: Vendor = {
  id: "activecampaign",
  name: "ActiveCampaign",
  reach: "push",
  how: "ActiveCampaign calls nobody for a recipient: traits are pushed to custom fields, and a link with a token shows the block.",
  accept: "application/json",
  sendsHeader: true,
  rules: [
    ...pushRules(
      null,
      "An e-mail shows fields of its contact; no page that we found lets it fetch for each of them.",
    ),
    {
      id: "personalization",
      says: "%FIELD% stands for a contact's field.",
      source: personalisation,
      check: { kind: "told" },
    },
    {
      id: "conditional",
      says: "%IF $FIELD% … %ELSE% … %/IF% asks whether a field has a value.",
      source: null,
      check: { kind: "told" },
    },
  ],
  snippet: (input) => {
    const tags = input.needs.map((need) => need.toUpperCase().replace(/[^A-Z0-9]+/g, "_"));
    const [first = "FRESHET_TOKEN"] = tags;
    const values = tags.length === 0 ? "" : `<p>${tags.map((tag) => `%${tag}%`).join(" ")}</p>\n`;
    return {
      parts: [
        {
          title: "Fields",
          where: "Contacts › Fields; pushed by a destination, or imported",
          language: "text",
          code: [
            ...input.needs.map((need, index) => `${tags[index] ?? ""} = ${need}`),
            "FRESHET_TOKEN = the content token",
          ].join("\n"),
        },
        {
          title: "Tokens",
          where: "a terminal; import the file, freshet_token as FRESHET_TOKEN",
          language: "shell",
          code: `freshet content-token ${input.block} --all email > freshet-tokens.csv`,
        },
        {
          title: "E-mail",
          where: "an HTML block of the campaign",
          language: "html",
          code: `%IF $${first}%
${values}<p><a href="${blockUrl(input, ".html")}?token=%FRESHET_TOKEN%">See it as it is now</a></p>
%ELSE%
${inert(input.fallback, /%/g)}
%/IF%`,
        },
      ],
      notes: [
        "The form of the condition is not confirmed by a page that we found: send yourself a test, or use the builder's conditional content with the same two parts.",
        `Fields hold values, not blocks; ${fieldName(input.block)} would be as old as its last push.`,
      ],
    };
  },
};
