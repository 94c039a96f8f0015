import { expect, test } from "bun:test";
import fc from "fast-check";
import { Liquid } from "liquidjs";
import { newEngine } from "../../../src/esp/content/engine.ts";

/** As the engine has it, without anything of its own. */
const liquid = new Liquid({ ownPropertyOnly: true, outputEscape: "escape", strictFilters: true });

const outputs = [
  "{{ a }}",
  "{{ a.b }}",
  '{{ a["b"].c }}',
  "{{ a.b.size }}{{ a.size }}",
  "{{ a.first }} {{ a.last.b }}",
  "{{ a[0] }} {{ a[-1].b }} {{ a[7] }}",
  "{{ l[a] }} {{ a[b] }}",
  "{{ a.constructor }} {{ a.__proto__ }} {{ a.toString.name }} {{ a.length }}",
  "{{ missing.b }}",
  "{% for i in l %}{{ i }}-{{ i.b }}-{{ forloop.index }}/{{ forloop.length }}{{ forloop.last }}{% else %}{{ b }}{% endfor %}",
  "{% tablerow i in l cols: 2 %}{{ i.b }}{% endtablerow %}",
  "{% if a.b %}{{ a.b }}{% elsif b %}{{ b }}{% else %}{{ l }}{% endif %}",
  "{% unless b %}{{ a }}{% endunless %}",
  "{% case b %}{% when 1 %}{{ a.b }}{% else %}{{ b }}{% endcase %}",
  "{% assign x = a.b %}{{ x }}{{ x.c }}",
  "{% assign b = l %}{{ b.size }}",
  "{% capture y %}{{ a }}!{% endcapture %}{{ y }}{{ y.size }}",
  "{{ a | upcase }}{{ a.b | default: b }}",
  '{{ "text" }}{{ 1.5 }}{{ true }}{{ nil }}{{ empty }}{{ blank }}',
  '{{ "text".size }}{{ (1..3).last }}',
  "{{ a == b }}{{ a.b and b }}",
  "{% increment b %}{{ b }}",
  "{%- for i in l -%} {{- i -}} {% break %}{{ a }}{%- endfor -%}",
];

test("outputs that are looked up directly give what Liquid gives", () => {
  const engine = newEngine({});
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom<unknown>(null, "", "a", "b", "<b>&\"'", 0, 1, -1, 1.5, true, false),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(
        fc.constantFrom("a", "b", "c", "size", "first", "last", "constructor", "0"),
        tie("value"),
        {
          maxKeys: 3,
          noNullPrototype: true,
        },
      ),
    ),
  })).value;
  const data = fc.record({ a: json, b: json, l: fc.array(json, { maxLength: 3 }) });
  const result = (render: () => string) => {
    try {
      return render();
    } catch {
      return null;
    }
  };
  fc.assert(
    fc.property(fc.constantFrom(...outputs), data, (template, values) => {
      const own = engine.parse(template, 0);
      const plain = liquid.parse(template);
      expect(
        result(() => engine.render(own, structuredClone(values), { locale: "en", timeZone: "UTC" })),
      ).toBe(result(() => String(liquid.renderSync(plain, structuredClone(values)))));
    }),
    { numRuns: 3_000 },
  );
});
