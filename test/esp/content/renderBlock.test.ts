import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { makeBlock } from "../../../src/esp/content/block.ts";
import { htmlFault, textOf } from "../../../src/esp/content/checkHtml.ts";
import { newEngine } from "../../../src/esp/content/engine.ts";
import { BlockProblem } from "../../../src/esp/content/frontMatter.ts";
import { renderBlock, type RenderedBlock } from "../../../src/esp/content/renderBlock.ts";
import type { JsonObject } from "../../../src/model/event.ts";
import type { StoredProfile } from "../../../src/store/profiles.ts";
import { FakeClock } from "../../support/fakeClock.ts";
import { MemoryStore } from "../../support/memoryStore.ts";

const linkHosts = ["shop.example", "*.shop.example"];

function blockOf(template: string, head = "fallback: <p>default</p>"): ReturnType<typeof makeBlock> {
  return makeBlock("b", `---\n${head}\n---\n${template}`, "", { engine: newEngine({}), linkHosts });
}

/** Renders with one trait of that value. */
function renderWith(template: string, value: unknown): RenderedBlock {
  const block = blockOf(template, "fallback: <p>default</p>\nneeds: [x]");
  return renderBlock(block, { kind: "profile", profile: profileWith(value) }, 0);
}

function profileWith(x: unknown): StoredProfile {
  const store = new MemoryStore(new FakeClock());
  store.send({ userId: "1", traits: JSON.parse(JSON.stringify({ x })) as JsonObject });
  const found = store.profiles.find("live", "user_id", "1");
  if (found.kind !== "found") throw new Error("no profile");
  return found.profile;
}

const contexts = [
  "<p>{{ x }}</p>",
  '<p title="{{ x }}">a</p>',
  "<p title='{{ x }}'>a</p>",
  "<p title={{ x }}>a</p>",
  '<a href="{{ x }}">a</a>',
  "<a href={{ x }}>a</a>",
  '<img src="{{ x }}">',
  '<p style="color: {{ x }}">a</p>',
  "<!-- {{ x }} --><p>a</p>",
];

describe("whatever a value holds", () => {
  const vectors = ["IntrudersXSS.txt", "XSS_Polyglots.txt", "xss_payloads_quick.txt"].flatMap((file) =>
    readFileSync(new URL(`../../fixtures/xss/${file}`, import.meta.url), "utf8")
      .split("\n")
      .filter((line) => line.trim() !== ""),
  );
  for (const context of contexts)
    test(`nothing runs, fetches or leads elsewhere in ${context}`, () => {
      for (const vector of vectors) {
        const { html, reason } = renderWith(context, vector);
        if (reason === null) expect([vector, htmlFault(html, linkHosts)]).toEqual([vector, null]);
        else expect(html).toBe("<p>default</p>");
      }
    });

  test("it stays text: the element holds exactly it", () => {
    for (const vector of vectors) {
      const { html } = renderWith("<p>{{ x }}</p>", vector);
      expect(textOf(html)).toBe(textOf(`<p>${Bun.escapeHTML(vector)}</p>`));
    }
  });
});

describe("links", () => {
  test.each([
    ["https://shop.example/a?b=c&amp;d", null],
    ["https://img.shop.example/x.png", null],
    ["mailto:hello@shop.example", null],
    ["#top", null],
    ["https://evil.example/", "unsafe_link"],
    ["https://shop.example@evil.example/", "unsafe_link"],
    ["https://shop.example.evil.example/", "unsafe_link"],
    ["//evil.example", "unsafe_link"],
    ["javascript:alert(1)", "unsafe_link"],
    ["java&#115;cript:alert(1)", "unsafe_link"],
    ["java&#x0A;script&colon;alert(1)", "unsafe_link"],
    ["data:text/html,x", "unsafe_link"],
    ["https:\\\\evil.example", "unsafe_link"],
    ["/relative", "unsafe_link"],
  ] as const)("%s: %s", (url, fault) => {
    expect(htmlFault(`<a href="${url}">a</a>`, linkHosts)).toBe(fault);
  });
});

describe("limits", () => {
  test("a template that never ends, grows without end or reads files gives the fallback", () => {
    for (const bomb of [
      "{% for a in (1..100000) %}{% for b in (1..100000) %}x{% endfor %}{% endfor %}",
      "{% assign s = 'xxxxxxxxxxxxxxxx' %}{% for i in (1..60) %}{% assign s = s | append: s %}{% endfor %}{{ s }}",
      "{% render '../../../../etc/passwd' %}",
      "{% include '/etc/passwd' %}",
    ]) {
      const block = (() => {
        try {
          return blockOf(bomb);
        } catch (error) {
          expect(error).toBeInstanceOf(BlockProblem);
          return null;
        }
      })();
      if (block !== null) expect(renderBlock(block, { kind: "shared" }, 0).html).toBe("<p>default</p>");
    }
  });

  test("escaping can't be switched off", () => {
    expect(renderWith("<p>{{ x | raw }}</p>", "<b>").html).toBe("<p>&lt;b&gt;</p>");
  });

  test("inherited names lead nowhere", () => {
    expect(renderWith("<p>{{ x.constructor.name }}{{ x.__proto__ }}</p>", { a: 1 }).html).toBe("<p></p>");
  });
});

describe("a head", () => {
  test.each([
    ["<p>no head</p>", "must begin with a head"],
    ["---\nneeds: [a]\n---\n", "fallback"],
    ["---\nfallback: x\nneed: [a]\n---\n", "unknown key: need"],
    ["---\nfallback: <script>1</script>\n---\n", "scripts"],
    ["---\nfallback: <a href=https://evil.example>x</a>\n---\n", "linkHosts"],
    ["---\nfallback: ''\n---\nline\n{% nonsense %}", "line 5"],
    ["---\nfallback: ''\n---\n{{ a | nonsense }}", "nonsense"],
  ])("%j is refused", (file, why) => {
    expect(() => makeBlock("b", file, "", { engine: newEngine({}), linkHosts })).toThrow(why);
  });
});
