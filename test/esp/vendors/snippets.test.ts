/** What is to be pasted is right in the ESP's own language, and falls back in it. */
import { describe, expect, test } from "bun:test";
import { tempFolder } from "../../support/tempFolder.ts";
import { Liquid, type TagToken, type TopLevelToken, Tag, type Context } from "liquidjs";
import type { SnippetInput } from "../../../src/esp/vendors/vendor.ts";
import { vendorOf, vendors } from "../../../src/esp/vendors/vendors.ts";

const fallback = '<p>See <a href="https://shop.example/?q=%20{{ x }}%%y%%*|Z|*{% if %}">our shop</a></p>';
const input: SnippetInput = {
  block: "cart-reminder",
  publicUrl: "https://events.shop.example",
  fallback: "<p>fallback</p>",
  needs: ["firstName", "cart"],
};

function partOf(id: string, title: string, change: Partial<SnippetInput> = {}): string {
  const snippet = vendorOf(id)?.snippet({ ...input, ...change });
  const part = snippet?.parts.find((one) => one.title === title);
  if (part === undefined) throw new Error(`${id} has no part ${title}`);
  return part.code;
}

describe.each(vendors.map((vendor) => [vendor.id, vendor] as const))("%s", (_id, vendor) => {
  const snippet = vendor.snippet(input);
  const all = JSON.stringify(snippet);

  test("has something to paste for the block at its public URL, with the fallback in it, and no secret", () => {
    expect(snippet.parts.length).toBeGreaterThan(0);
    expect(all).toContain("https://events.shop.example/v1/content/cart-reminder");
    expect(all).toContain("<p>fallback</p>");
    expect(all).not.toMatch(/sk_[A-Za-z0-9]{4}/);
    expect(snippet.parts.every(({ where, code }) => where !== "" && code.trim() !== "")).toBe(true);
  });

  test("says where each of its rules is from, or that it is not confirmed", () => {
    for (const { source } of vendor.rules)
      expect(source === null || /^(https?:\/\/|docs\/)/.test(source.url)).toBe(true);
  });
});

/** Liquid with Braze's tag: it "calls" with the URL rendered and keeps what the stub answers. */
function brazeEngine(answer: (url: string) => unknown): { render: (code: string, userId: string) => string } {
  class ConnectedContent extends Tag {
    readonly #arguments: string;
    constructor(token: TagToken, rest: TopLevelToken[], liquid: Liquid) {
      super(token, rest, liquid);
      this.#arguments = token.args;
    }
    override render(context: Context): void {
      const match = /^(https?:\/\/\S+?(?:\{\{.*?\}\}\S*?)*) (.*)$/.exec(this.#arguments);
      const [, url = "", options = ""] = match ?? [];
      const asked = this.liquid.parseAndRenderSync(url, context.getAll());
      const name = /:save (\w+)/.exec(options)?.[1];
      expect(options).toMatch(/^(?::basic_auth \w+ )?(?::no_cache )?:save \w+$/);
      context.bottom()[name ?? ""] = answer(asked);
    }
  }
  const engine = new Liquid({ strictFilters: true });
  engine.registerTag("connected_content", ConnectedContent);
  engine.registerFilter("url_param_escape", (text: string) => encodeURIComponent(text));
  return {
    // ${user_id} is Braze's own way to write a built-in attribute.
    render: (code, userId) =>
      engine
        .parseAndRenderSync(code.replaceAll(/\$\{(\w+)\}/g, "braze_$1"), { braze_user_id: userId })
        .trim(),
  };
}

describe("Braze's message", () => {
  const code = partOf("braze", "Message");

  test("asks for the recipient, escaped, and shows what comes", () => {
    const asked: string[] = [];
    const engine = brazeEngine((url) => {
      asked.push(url);
      return { __http_status_code__: 200, html: "<p>Ann's cart</p>" };
    });
    expect(engine.render(code, "a&id=user_id:9")).toBe("<p>Ann's cart</p>");
    expect(asked).toEqual([
      "https://events.shop.example/v1/content/cart-reminder?id=user_id:a%26id%3Duser_id%3A9",
    ]);
  });

  test.each([
    ["an error", { __http_status_code__: 500, error: {} }],
    ["nothing", { __http_status_code__: 200, html: "" }],
    ["no JSON", null],
  ])("falls back by itself on %s", (_what, answer) => {
    expect(brazeEngine(() => answer).render(code, "42")).toBe("<p>fallback</p>");
  });
});

describe("templates that read a value", () => {
  const engine = new Liquid({ strictFilters: true });
  engine.registerFilter("safe", (text: string) => text);
  engine.registerFilter("url_encode", encodeURIComponent);
  const html = "<p>Ann's cart</p>";
  test.each<[string, string, object]>([
    ["customerio", "Message", { customer: { freshet_cart_reminder: html } }],
    ["klaviyo", "E-mail", { feeds: { freshet_cart_reminder: { html } } }],
    ["hubspot", "E-mail", { contact: { freshet_cart_reminder: html } }],
  ])("of %s show it, or the fallback", (id, title, scope) => {
    // HubL and Klaviyo's language agree with Liquid in these tags; an empty text counts as nothing in them.
    const code = partOf(id, title);
    expect(engine.parseAndRenderSync(code, scope).trim()).toBe(html);
    expect(engine.parseAndRenderSync(code, {}).trim()).toBe("<p>fallback</p>");
  });

  test("of Brevo too, behind the comment that names the feed", () => {
    const code = partOf("brevo", "Template");
    const [first, ...rest] = code.split("\n");
    expect(first).toBe('<!--feed.freshet : {{feed.get("freshet_cart_reminder")}}-->');
    const template = rest.join("\n");
    expect(engine.parseAndRenderSync(template, { feed: { freshet: { html } } }).trim()).toBe(html);
    expect(engine.parseAndRenderSync(template, {}).trim()).toBe("<p>fallback</p>");
  });

  test.each([
    ["iterable", "Template"],
    ["sendgrid", "Template"],
  ])("of %s are Handlebars", (id, title) => {
    expect(handlebars(partOf(id, title), html)).toBe(html);
    expect(handlebars(partOf(id, title), "")).toBe("<p>fallback</p>");
  });
});

/** The three tags of Handlebars that the templates use. */
function handlebars(code: string, html: string): string {
  const form = /^\{\{#if freshet\.html\}\}\n([^]*)\n\{\{else\}\}\n([^]*)\n\{\{\/if\}\}$/;
  const [, then = "", otherwise = ""] = form.exec(code) ?? [];
  expect(then + otherwise).not.toMatch(/\{\{[#/]/);
  return html === "" ? otherwise : then.replace("{{{freshet.html}}}", html);
}

describe("AMPscript", () => {
  test.each(["AMPscript", "Server-side JavaScript"])("of %s opens and closes what it opens", (title) => {
    const code = partOf("sfmc", title);
    const blocks = [...code.matchAll(/%%\[([^]*?)\]%%/g)].map(([, inner = ""]) => inner);
    const outside = code.replaceAll(/%%\[[^]*?\]%%/g, "").replaceAll(/%%=v\(@\w+\)=%%/g, "");
    expect(outside).not.toContain("%%");
    const words = blocks.join("\n").match(/\b(?:IF|ELSE|ENDIF|THEN)\b/g) ?? [];
    let depth = 0;
    for (const word of words) {
      if (word === "IF") depth += 1;
      if (word === "ENDIF") depth -= 1;
      expect(depth).toBeGreaterThanOrEqual(word === "ENDIF" ? 0 : 1);
    }
    expect(depth).toBe(0);
    expect(words.filter((word) => word === "IF")).toHaveLength(
      words.filter((word) => word === "THEN").length,
    );
    for (const inner of blocks) {
      expect((inner.match(/"/g) ?? []).length % 2).toBe(0);
      expect((inner.match(/\(/g) ?? []).length).toBe((inner.match(/\)/g) ?? []).length);
    }
  });

  test("asks with a token and no header, and sets every variable that it reads", () => {
    const code = partOf("sfmc", "AMPscript");
    expect(code).toContain('CONCAT("https://events.shop.example/v1/content/cart-reminder.html?token="');
    const read = new Set(code.match(/@\w+/g) ?? []);
    const set = new Set([...code.matchAll(/SET (@\w+)/g)].map(([, name]) => name ?? ""));
    expect([...read].filter((name) => !set.has(name))).toEqual([]);
  });

  test("beside it is JavaScript that parses, and HubSpot's and SendGrid's too", () => {
    const [, script = ""] =
      /<script runat="server">([^]*?)<\/script>/.exec(partOf("sfmc", "Server-side JavaScript")) ?? [];
    const transpiler = new Bun.Transpiler({ loader: "js" });
    for (const code of [script, partOf("hubspot", "Custom code action"), partOf("sendgrid", "Sender")])
      expect(transpiler.transformSync(code)).not.toBe("");
  });
});

test("SendGrid's sender falls back for whom it has nothing, and sends in any case", async () => {
  const sent: unknown[] = [];
  using folder = tempFolder();
  const file = folder.at("sender.mjs");
  // Whatever loads the file must not look for the packages itself.
  const code = partOf("sendgrid", "Sender").replaceAll("require(", "load(");
  await Bun.write(file, `export default (load, process) => {\n${code}\nreturn send;\n};`);
  type Send = (recipients: object[], message: object) => Promise<unknown>;
  const { default: make } = (await import(file)) as { default: (load: unknown, process: object) => Send };
  const run = async (answer: () => Promise<unknown>) => {
    const packages: Readonly<Record<string, object>> = {
      axios: { post: answer },
      "@sendgrid/mail": { setApiKey: () => {}, send: (message: unknown) => sent.push(message) },
    };
    const send = make((name: string) => packages[name], { env: {} });
    await send([{ email: "ann@shop.example" }], { templateId: "d-1" });
  };
  await run(() => Promise.resolve({ data: { results: [{ html: "<p>Ann</p>" }] } }));
  await run(() => Promise.reject(new Error("down")));
  expect(JSON.stringify(sent[0])).toContain('"html":"<p>Ann</p>"');
  expect(JSON.stringify(sent[1])).toContain('"html":""');
});

test("a block that needs nothing of anybody has no empty line where values would stand", () => {
  for (const [id, condition] of [
    ["mailchimp", "*|IF:FRESHET|*"],
    ["activecampaign", "%IF $FRESHET_TOKEN%"],
  ] as const) {
    const code = partOf(id, "E-mail", { needs: [] });
    expect(code).toStartWith(`${condition}\n<p><a href="https://events.shop.example/`);
    expect(partOf(id, "E-mail")).toContain("<p>");
  }
});

test("a fallback that looks like the ESP's own language stays text", () => {
  const engine = brazeEngine(() => null);
  const shown = engine.render(partOf("braze", "Message", { fallback }), "42");
  expect(shown).toContain("&#123;{ x }}");
  expect(decoded(shown)).toBe(fallback);
  expect(partOf("sfmc", "AMPscript", { fallback })).toContain("&#37;%y&#37;%");
  expect(partOf("mailchimp", "E-mail", { fallback })).toContain("&#42;|Z|");
  expect(partOf("activecampaign", "E-mail", { fallback })).toContain("?q=&#37;20");
  expect(handlebars(partOf("iterable", "Template", { fallback: "{{x}}" }), "")).toBe("&#123;{x}}");
});

function decoded(html: string): string {
  return html.replaceAll(/&#(\d+);/g, (_found, code: string) => String.fromCharCode(Number(code)));
}
