/** Salesforce Marketing Cloud Engagement: AMPscript HttpGet, and HTTP.Get of server-side JavaScript. */
import { blockUrl, commonRules, inert, page, percents, type Vendor } from "./vendor.ts";

const httpGet = page(
  "https://developer.salesforce.com/docs/marketing/marketing-cloud-ampscript/references/mc-ampscript-http/mc-ampscript-reference-http-get.md",
);
const older = page(
  "https://developer.salesforce.com/docs/atlas.en-us.mc-programmatic-content.meta/mc-programmat-content/httpget.htm",
);
const serverScript = page(
  "https://developer.salesforce.com/docs/marketing/marketing-cloud/guide/ssjs_platformContentSyndicationHTTPGet.html",
);
const performance = page(
  "https://help.salesforce.com/apex/HTViewHelpDoc?id=mktg.mc_es_system_performance_preservation.htm",
);

export const salesforce: Vendor = {
  id: "sfmc",
  name: "Salesforce Marketing Cloud",
  reach: "perRecipient",
  how: "AMPscript or server-side JavaScript in the e-mail asks for the block; a token in the URL says for whom.",
  accept: "*/*",
  sendsHeader: false,
  rules: [
    ...commonRules,
    {
      id: "ports",
      says: "HttpGet works with port 80 (http) and 443 (https) alone.",
      source: httpGet,
      check: { kind: "ports", ports: [80, 443] },
    },
    {
      id: "no-header",
      says: "AMPscript's HttpGet takes a URL and no headers.",
      source: httpGet,
      check: { kind: "noHeader" },
    },
    {
      id: "content-type",
      says: "What comes back stands in the e-mail as it is: HTML, not JSON.",
      source: page(
        "https://help.salesforce.com/apex/HTViewHelpDoc?id=mktg.mc_es_content_syndication_in_api.htm",
      ),
      check: { kind: "contentType", type: "text/html" },
    },
    {
      id: "charset",
      says: "The charset of Content-Type is honoured; where none is said, older accounts read Windows-1252.",
      source: older,
      check: { kind: "charset" },
    },
    {
      id: "cache-key",
      says: "One call for each unique URL of a send; all subscribers with an equal URL get its answer.",
      source: httpGet,
      check: { kind: "cacheKey" },
    },
    {
      id: "time",
      says: "After 30 seconds the call is given up.",
      source: serverScript,
      check: { kind: "time", limitMs: 30_000 },
    },
    {
      id: "redirect",
      says: "Redirects are not to be counted on.",
      source: null,
      check: { kind: "redirect" },
    },
    {
      id: "burst",
      says: "Every subscriber waits for the call; slow answers slow the whole send, so at most three calls an e-mail.",
      source: performance,
      check: { kind: "burst", recipients: 100, limitMs: 30_000 },
    },
  ],
  snippet: (input) => ({
    parts: [
      {
        title: "Tokens",
        where: "a data extension with the field freshet_token; import the file that this writes",
        language: "shell",
        code: `freshet content-token ${input.block} --all email > freshet-tokens.csv`,
      },
      {
        title: "AMPscript",
        where: "the e-mail's HTML, where the block is to stand",
        language: "ampscript",
        code: `%%[
SET @freshetToken = AttributeValue("freshet_token")
SET @freshetStatus = -1
IF NOT EMPTY(@freshetToken) THEN
  SET @freshetUrl = CONCAT("${blockUrl(input, ".html")}?token=", URLENCODE(@freshetToken))
  SET @freshetHtml = HTTPGET(@freshetUrl, true, 0, @freshetStatus)
ENDIF
IF @freshetStatus == 0 AND NOT EMPTY(@freshetHtml) THEN ]%%
%%=v(@freshetHtml)=%%
%%[ ELSE ]%%
${inert(input.fallback, percents)}
%%[ ENDIF ]%%`,
      },
      {
        title: "Server-side JavaScript",
        where: "the same place, instead of AMPscript",
        language: "javascript",
        code: `<script runat="server">
Platform.Load("core", "1");
var freshetHtml = "";
try {
  var freshetToken = Attribute.GetValue("freshet_token");
  if (freshetToken) {
    var freshetAnswer = HTTP.Get("${blockUrl(input, ".html")}?token=" + freshetToken);
    if (freshetAnswer.Status == 0) freshetHtml = freshetAnswer.Content;
  }
} catch (error) {}
Variable.SetValue("freshetHtml", freshetHtml);
</script>
%%[ IF NOT EMPTY(@freshetHtml) THEN ]%%
%%=v(@freshetHtml)=%%
%%[ ELSE ]%%
${inert(input.fallback, percents)}
%%[ ENDIF ]%%`,
      },
    ],
    notes: [
      "The URL is put together in a variable, as Salesforce advises, and holds no secret key: the token opens this block for this subscriber alone.",
      "A new subscriber has no token yet and gets the fallback until the next import.",
    ],
  }),
};
