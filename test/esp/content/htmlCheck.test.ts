import { expect, test } from "bun:test";
import fc from "fast-check";
import { htmlFault } from "../../../src/esp/content/checkHtml.ts";
import { newEngine } from "../../../src/esp/content/engine.ts";
import { HtmlCheck } from "../../../src/esp/content/htmlCheck.ts";

const linkHosts = ["shop.example"];
const globals = { locale: "en", timeZone: "UTC" };

/** Where values may stand, among them places where they must not be taken for text. */
const places = [
  "<p>{{ x }}</p>",
  '<p title="{{ x }} and {{ y }}">a</p>',
  '<a href="https://shop.example/p/{{ x }}?a={{ y }}">{{ y }}</a>',
  '<a href="https://shop.example{{ x }}">a</a>',
  '<a href="{{ x }}">{{ y }}</a>',
  "<img src='{{ x }}' alt='{{ y }}'>",
  '<img srcset="https://shop.example/a 1x, {{ x }} 2x">',
  '<p style="color: {{ x }}({{ y }})">a</p>',
  '<rect fill="{{ x }}({{ y }})" />',
  '<meta http-equiv="{{ x }}" content="0">',
  "<style>p { color: {{ x }} }</style>",
  "<!-- {{ x }} -->",
  "<!--[if mso]><p>{{ x }}</p><![endif]-->",
  "<!--[if mso]><p>a</p><![endif]-->",
  "<noscript>{{ x }}</noscript>",
  "<title>{{ x }}</title>",
  "<title>a</tit{% if true %}{{ x }}{% endif %}le><script>b</script></title>",
  "<textarea>{{ x }}</textarea>",
  "<{% if true %}{{ x }}{% endif %} a>",
  "<{% if true %}{{ x }}{% endif %}script>",
  "</{% if true %}{{ x }}{% endif %}p>",
  "<!{{ x }}--",
  "<?{{ x }}>",
  '<p title={% if false %}"{% endif %}{{ x }}{% if false %}"{% endif %}>a</p>',
  '<p {% if false %}title="{% endif %}{{ x }}{% if false %}"{% endif %}>a</p>',
  "&{{ x }};",
  "{% for i in l %}<td title='{{ i }}'>{{ i }}</td>{% endfor %}",
  "<p onclick='{{ x }}'>a</p>",
  "{% cycle x, y %}",
  "{% capture z %}<b>{{ x }}</b>{% endcapture %}{{ z }}",
  "<script>{{ x }}</script>",
  "<p>a < {{ x }} &lt; {{ y }}",
  "<p>",
];
const values = [
  "",
  "Ann",
  "script",
  "onclick=alert(1) ",
  "a/../b",
  "https://shop.example/x",
  "https://evil.example/",
  "@evil.example/",
  ".evil.example/",
  "//evil.example",
  "javascript:alert(1)",
  "\\evil",
  "url",
  "expression",
  "refresh",
  "--",
  "[if mso]",
  "#39",
  "lpar",
  "\t",
  "q\uFDD0 / 1 \uFDD1",
  "\uFDD0",
  "<b>\"&'",
  "é😀",
];

test("what is remembered of a template's HTML decides as a look through all of it does", () => {
  const engine = newEngine({});
  const text = fc.oneof(fc.constantFrom(...values), fc.string({ unit: "grapheme", maxLength: 12 }));
  const data = fc.record({ x: text, y: text, l: fc.array(text, { maxLength: 3 }) });
  let held = 0;
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...places), { minLength: 1, maxLength: 3 }),
      fc.array(data, { minLength: 1, maxLength: 4 }),
      (parts, people) => {
        let template: ReturnType<typeof engine.parse>;
        try {
          template = engine.parse(parts.join("\n"), 0);
        } catch {
          return;
        }
        const check = new HtmlCheck(linkHosts);
        for (const person of people) {
          const { output, pieces } = engine.renderPieces(template, person, globals);
          expect(output).toBe(engine.render(template, person, globals));
          const fault = htmlFault(output, linkHosts);
          expect(check.fault(output, pieces)).toBe(fault);
          if (fault === null && pieces !== null) held += 1;
        }
      },
    ),
    { numRuns: 1_500 },
  );
  expect(held).toBeGreaterThan(300);
});

test("a value that may be a part of an end tag is not taken for text", () => {
  const pieces = ["<title>a</tit", "", "le><script>b</script></title>"];
  expect(new HtmlCheck(linkHosts).fault(pieces.join(""), pieces)).toBe("unsafe_markup");
});
