import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { makeBlock, type Block } from "../../../src/esp/content/block.ts";
import { htmlFault, textOf } from "../../../src/esp/content/checkHtml.ts";
import { newEngine } from "../../../src/esp/content/engine.ts";
import { BlockProblem } from "../../../src/esp/content/frontMatter.ts";
import { renderBlock, type RenderedBlock } from "../../../src/esp/content/renderBlock.ts";
import { RenderTime } from "../../../src/esp/content/renderTime.ts";
import type { JsonObject } from "../../../src/model/event.ts";
import type { StoredProfile } from "../../../src/store/profiles.ts";
import { FakeClock } from "../../support/fakeClock.ts";
import { MemoryStore } from "../../support/memoryStore.ts";

const linkHosts = ["shop.example", "*.shop.example"];

function blockOf(template: string, head = "fallback: <p>default</p>"): Promise<Block> {
  return makeBlock("b", `---\n${head}\n---\n${template}`, "", { engine: newEngine({}), linkHosts });
}

/** Renders with one trait of that value. */
async function renderWith(template: string, value: unknown): Promise<RenderedBlock> {
  const block = await blockOf(template, "fallback: <p>default</p>\nneeds: [x]");
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
  '<a href="{{ x }}">a</a>',
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
    test(`nothing runs, fetches or leads elsewhere in ${context}`, async () => {
      const block = await blockOf(context, "fallback: <p>default</p>\nneeds: [x]");
      for (const vector of vectors) {
        const recipient = { kind: "profile", profile: profileWith(vector) } as const;
        const { html, reason } = renderBlock(block, recipient, 0);
        if (reason === null) expect([vector, htmlFault(html, linkHosts)]).toEqual([vector, null]);
        else expect(html).toBe("<p>default</p>");
      }
    });

  test("it stays text: the element holds exactly it", async () => {
    for (const vector of vectors) {
      const { html } = await renderWith("<p>{{ x }}</p>", vector);
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
    ["https://evil.example&sol;.shop.example/", "unsafe_link"],
    ["https://evil.example&unknown;.shop.example/", "unsafe_link"],
    ["/relative", "unsafe_link"],
  ] as const)("%s: %s", (url, fault) => {
    expect(htmlFault(`<a href="${url}">a</a>`, linkHosts)).toBe(fault);
  });
});

describe("what leads elsewhere, fetches or swallows the rest by other ways", () => {
  test.each([
    '<svg><use xlink:href="https://evil.example/x#a"/></svg>',
    '<svg><rect fill="url(https://evil.example/x)"/></svg>',
    '<svg><a href="#"><animate attributeName="href" to="javascript:alert(1)"/></a></svg>',
    "<math><style>p{background:u&#114;l(https://evil.example)}</style></math>",
    '<button formaction="https://evil.example">x</button>',
    '<a href="https://shop.example" ping="https://evil.example">x</a>',
    '<img srcset="https://shop.example/a 1x, https://evil.example/b 2x">',
    '<img dynsrc="https://evil.example/x">',
    '<meta http-equiv="re&#102;resh" content="0;url=https://evil.example">',
    '<p style="background:url&lpar;https://evil.example&rpar;">x</p>',
    '<p style="background:u&bsol;72l(https://evil.example)">x</p>',
    '<p style="background:exp/**/ression(1)">x</p>',
    "<p style=\"filter:progid:DXImageTransform.Microsoft.AlphaImageLoader(src='https://evil.example')\">x</p>",
    '<noscript><a href="https://evil.example">x</a></noscript>',
    '<xmp><a href="https://evil.example">x</a></xmp>',
    '<!--[if mso]><v:fill src="https://evil.example/x"/><![endif]-->',
    '<a href="https://shop.example"',
    "<p>x</p><!-- open",
    "<style>p { color: red }",
    "<title>open",
  ])("%s", (html) => {
    expect(htmlFault(html, linkHosts)).not.toBeNull();
  });

  test.each([
    "<!--[if mso]><table><tr><td><![endif]--><p>x</p><!--[if mso]></td></tr></table><![endif]-->",
    '<!--[if !mso]><!--><a href="https://shop.example/">x</a><!--<![endif]-->',
    '<svg><rect fill="url(#shade)" stroke="red"/></svg>',
    "3 < 4 and a &amp; b",
  ])("while %s may be sent", (html) => {
    expect(htmlFault(html, linkHosts)).toBeNull();
  });
});

describe("limits", () => {
  test("a template that never ends, grows without end or reads files gives the fallback", async () => {
    for (const bomb of [
      "{% for a in (1..100000) %}{% for b in (1..100000) %}x{% endfor %}{% endfor %}",
      "{% assign s = 'xxxxxxxxxxxxxxxx' %}{% for i in (1..60) %}{% assign s = s | append: s %}{% endfor %}{{ s }}",
      "{% render '../../../../etc/passwd' %}",
      "{% include '/etc/passwd' %}",
    ]) {
      const block = await blockOf(bomb).catch((error: unknown) => {
        expect(error).toBeInstanceOf(BlockProblem);
        return null;
      });
      if (block !== null) expect(renderBlock(block, { kind: "shared" }, 0).html).toBe("<p>default</p>");
    }
  });

  test("a template is ended by the time that it was at work, and not by time in which others had the machine", async () => {
    let [clockMs, cpuMs] = [1_000, 500];
    const standsStill = new RenderTime(() => cpuMs);
    for (let step = 0; step < 1_000; step += 1) {
      standsStill.check(clockMs);
      clockMs += 50;
      cpuMs += 0.05;
    }
    cpuMs += 100;
    expect(() => standsStill.check(clockMs)).toThrow("took too long");
    let looks = 0;
    const works = new RenderTime(() => {
      looks += 1;
      return cpuMs;
    });
    const fromMs = cpuMs;
    const endless = () => {
      for (;;) {
        works.check(clockMs);
        clockMs += 0.01;
        cpuMs += 0.01;
      }
    };
    expect(endless).toThrow("took too long");
    expect(cpuMs - fromMs).toBeWithin(99, 101);
    expect(looks).toBeLessThan(5);
    // In a block: a value that is long in coming, while nothing is done.
    const block = await blockOf(
      "<p>{{ firstName }}{{ cart }}{{ firstName }}</p>",
      "fallback: a\nneeds: [firstName, cart]",
    );
    const data = {
      firstName: "Ann",
      get cart() {
        Bun.sleepSync(150);
        return "late";
      },
    };
    expect(block.engine.render(block.html, data, { nowMs: 0, locale: "en", timeZone: "UTC" })).toBe(
      "<p>AnnlateAnn</p>",
    );
  });

  test("escaping can't be switched off", async () => {
    expect((await renderWith("<p>{{ x | raw }}</p>", "<b>")).html).toBe("<p>&lt;b&gt;</p>");
  });

  test("inherited names lead nowhere", async () => {
    expect((await renderWith("<p>{{ x.constructor.name }}{{ x.__proto__ }}</p>", { a: 1 })).html).toBe(
      "<p></p>",
    );
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
    ["---\nfallback: ''\nneeds: [a]\n---\n{{ a }} {{ b.c }}", "reads b, which needs does not name"],
    ["---\nfallback: ''\n---\n{% render 'nowhere' %}", "nowhere"],
    ["---\nfallback: ''\nneeds: [a]\n---\n<p style=color:{{a}}>x</p>", "in quotes"],
    [
      "---\nfallback: ''\nneeds: [a]\n---\n<p>x</p>\n<p title={{ a }}>x</p>",
      "line 6, column 10: a value within a tag",
    ],
    ["---\nfallback: ''\nneeds: [a]\n---\n<p {{ a }}>x</p>", "a value within a tag"],
    ["---\nfallback: ''\nneeds: [a]\n---\n<{{ a }}>x", "a value within a tag"],
    ["---\nfallback: ''\nneeds: [a]\n---\n<p style='color: {% echo a %}'>x</p>", "in a style"],
    ["---\nfallback: ''\nneeds: [a]\n---\n<style>p { color: {% cycle a %} }</style>", "in a style"],
    ["---\nfallback: ''\nlocale: nonsense_\n---\n", "a locale such as"],
    ["---\nfallback: ''\nmarkup: mjml\n---\n<mjml><mj-body><mj-nonsense/></mj-body></mjml>", "mj-nonsense"],
  ])("%j is refused", async (file, why) => {
    const made = makeBlock("b", file, "", { engine: newEngine({}), linkHosts });
    expect(await made.then(() => "made", String)).toContain(why);
  });
});

describe("a value in a style", () => {
  test.each([
    ["red", "red"],
    ["#ff0000", "#ff0000"],
    ["red; display: none", ""],
    ["red} body { display: none", ""],
    ["url(https://evil.example/x.png)", ""],
    ["\\75 rl(x)", ""],
  ])("%j becomes %j", async (value, given) => {
    const template = "<style>p { color: {{ x }} }</style><p style=\"color: {{ x | default: 'red' }}\">a</p>";
    const { html, reason } = await renderWith(template, value);
    expect([html, reason]).toEqual([
      `<style>p { color: ${given} }</style><p style="color: ${given}">a</p>`,
      null,
    ]);
  });
});

test.each([
  ['<p title="a"style="color: {{ x }}">a</p>', '<p title="a"style="color: ">a</p>'],
  ["<p/style='color: {{ x }}'>a</p>", "<p/style='color: '>a</p>"],
  ['<p {% if x %}style="color: {{ x }}"{% endif %}>a</p>', '<p style="color: ">a</p>'],
  [`<p style="color: {{ x | append: "}}" }}">a</p>`, `<p style="color: ">a</p>`],
])("a value in a style is seen as one wherever it stands: %s", async (template, expected) => {
  expect((await renderWith(template, "red; display: none")).html).toBe(expected);
});

test("now is the moment that is rendered for, and days begin where the block says", async () => {
  const head = 'fallback: ""\ntimeZone: Pacific/Auckland\nneeds: [x]';
  const template = `{{ "now" | date: "%Y-%m-%d %H" }} {{ x | date: "%d" }} {{ x | date: "%d", "UTC" }} {{ x | date_to_string }}`;
  const block = await blockOf(template, head);
  const values = { traits: { x: { value: "2026-11-30T20:00:00Z", updatedAtMs: 0 } }, segments: [] };
  const { html } = renderBlock(block, { kind: "values", values }, Date.parse("2026-03-31T23:30:00Z"));
  expect(html).toBe("2026-04-01 12 01 30 01 Dec 2026");
});

describe("what was made of values before", () => {
  const at = (block: Block, value: string, nowMs: number) => {
    const values = { traits: { x: { value, updatedAtMs: 0 } }, segments: [] };
    return renderBlock(block, { kind: "values", values }, nowMs);
  };

  test("is given again for the same values, with ages of its own, and never for others", async () => {
    const block = await blockOf("<p>{{ x }}</p>", "fallback: d\nneeds: { x: { maxAge: 1h } }");
    const first = at(block, "a", 1_000);
    // Who is asked for once is not worth the room.
    expect(block.engine.memory.bytes).toBe(0);
    at(block, "a", 1_000);
    expect(block.engine.memory.bytes).toBeGreaterThan(0);
    expect(at(block, "a", 2_000)).toEqual({
      ...first,
      freshness: { x: { servedFrom: "live", ageMs: 2_000, maxAgeMs: 3_600_000 } },
      globals: { ...first.globals, nowMs: 2_000 },
    });
    expect(at(block, "a", 7_200_000)).toMatchObject({ servedFrom: "lastKnown", reason: "trait_stale" });
    expect(at(block, "b", 1_000).html).toBe("<p>b</p>");
  });

  test("is not remembered where it was asked what time it is, nor what failed", async () => {
    const block = await blockOf("<p>{{ x | date: '%Y' }}</p>", "fallback: d\nneeds: [x]");
    expect(at(block, "now", 0).html).toBe("<p>1970</p>");
    expect(at(block, "now", 0).html).toBe("<p>1970</p>");
    expect(at(block, "now", Date.parse("2026-06-01")).html).toBe("<p>2026</p>");
    expect(block.engine.memory.bytes).toBe(0);
    const failing = await blockOf(
      "{% for a in (1..100000) %}{{ x }}xxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}",
      "fallback: d\nneeds: [x]",
    );
    expect(at(failing, "a".repeat(100), 0).reason).toBe("template_failed");
    expect(failing.engine.memory.bytes).toBe(0);
  });

  test("takes bounded memory", async () => {
    const block = await blockOf("<p>{{ x }}</p>", "fallback: d\nneeds: [x]");
    for (let turn = 0; turn < 8_000; turn += 1) at(block, `${turn >> 1} ${"x".repeat(5_000)}`, 0);
    expect(block.engine.memory.bytes).toBeGreaterThan(32 * 1024 * 1024);
    expect(block.engine.memory.bytes).toBeLessThanOrEqual(64 * 1024 * 1024);
    expect(at(block, `3999 ${"x".repeat(5_000)}`, 0).html).toStartWith("<p>3999 x");
  });
});

test("a filter that draws lots is not there, since no answer could be made again", async () => {
  const made = blockOf("{{ x | sample }}", 'fallback: ""\nneeds: [x]');
  expect(await made.then(() => "made", String)).toContain("sample");
});

describe("what the template itself must not do", () => {
  test.each([
    ["<style>p { background: url(https://evil.example/x.png) }</style>"],
    ["<style>@import 'https://evil.example/x.css';</style>"],
    ["<!--[if mso]><img src='https://evil.example/x.png'><![endif]-->"],
    ["<!--[if gte mso 9]><!--[if mso]><script>1</script><![endif]--><![endif]-->"],
    ["<meta http-equiv='refresh' content='0; url=https://evil.example/'>"],
  ])("%s", (html) => {
    expect(htmlFault(html, linkHosts)).not.toBe(null);
  });
});

describe("filters", () => {
  const head = 'fallback: ""\nneeds: [x]';
  test.each([
    ["{{ 84.5 | money: 'EUR', 'de-DE' }}", "en", "84,50\u00a0€"],
    ["{{ x | money: 'EUR' }}", "de-DE", "1.234,50\u00a0€"],
    ["{{ x | money: 'nonsense' }}", "en", "1234.50"],
    ["{{ x | number }}", "de-DE", "1.234,5"],
    ["{{ x | number: 2 }}", "en", "1,234.50"],
    ["{{ '2026-11-30T23:30:00.000Z' | localDate }}", "de-DE", "1. Dezember 2026"],
    ["{{ '2026-11-30T23:30:00.000Z' | localDate: 'short' }}", "en-GB", "01/12/2026"],
    ["{{ 'nonsense' | localDate }}", "en", ""],
    ["{{ 1 | plural: 'item', 'items' }}/{{ 3 | plural: 'item', 'items' }}", "en", "item/items"],
    ["{{ 3 | plural: one: 'rzecz', few: 'rzeczy', other: 'rzeczy!' }}", "pl", "rzeczy"],
    [
      "{{ 'https://shop.example/a.png?v=1' | imageSize: 300, 200 }}",
      "en",
      "https://shop.example/a.png?v=1&amp;width=300&amp;height=200",
    ],
    ["{{ 'nonsense' | imageSize: 300 }}", "en", ""],
  ])("%s in %s", async (template, locale, expected) => {
    const block = await blockOf(template, `${head}\nlocale: ${locale}\ntimeZone: Europe/Berlin`);
    const values = { traits: { x: { value: 1234.5, updatedAtMs: 0 } }, segments: [] };
    const { html, reason } = renderBlock(block, { kind: "values", values }, 0);
    expect([html, reason]).toEqual([expected, null]);
  });

  test("speak the language of the person, where a trait tells one", async () => {
    const block = await blockOf(
      "{{ 1234.5 | number }}",
      'fallback: ""\nlocale: { trait: language, default: en }',
    );
    const render = (language: string | null) =>
      renderBlock(
        block,
        {
          kind: "values",
          values: { traits: { language: { value: language, updatedAtMs: 0 } }, segments: [] },
        },
        0,
      ).html;
    expect([render("de"), render("no such thing"), render(null)]).toEqual(["1.234,5", "1,234.5", "1,234.5"]);
  });
});

describe("for mail programs", () => {
  test("MJML becomes tables, with Liquid where it stood", async () => {
    const mjml = `<mjml><mj-body><mj-section><mj-column>
<mj-raw>{% for item in x %}</mj-raw><mj-button href="https://shop.example/{{ item }}">{{ item }}</mj-button><mj-raw>{% endfor %}</mj-raw>
</mj-column></mj-section></mj-body></mjml>`;
    const block = await blockOf(mjml, 'fallback: ""\nmarkup: mjml\nneeds: [x]');
    const values = { traits: { x: { value: ["<a>", "b"], updatedAtMs: 0 } }, segments: [] };
    const { html, reason, text } = renderBlock(block, { kind: "values", values }, 0);
    expect(reason).toBe(null);
    expect(html).toContain("<table");
    expect(html).not.toContain("<mj-");
    expect(text).toContain("<a> (https://shop.example/<a>)");
  });

  test("rules of style sheets go into the tags", async () => {
    const html =
      "<style>td { color: red } @media (max-width: 9px) { td { color: blue } }</style><table>{% for i in x %}<tr><td>{{ i }}</td></tr>{% endfor %}</table>";
    const block = await blockOf(html, 'fallback: ""\ninlineStyles: true\nneeds: [x]');
    const values = { traits: { x: { value: [1, 2], updatedAtMs: 0 } }, segments: [] };
    const made = renderBlock(block, { kind: "values", values }, 0).html;
    expect(made).toContain(
      '<table><tr><td style="color: red;">1</td></tr><tr><td style="color: red;">2</td></tr></table>',
    );
    expect(made).toContain("@media");
  });
});
