import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileSchema } from "../../src/config/configFile.ts";
import { configJsonSchema } from "../../src/config/jsonSchema.ts";
import { referencePage } from "../../src/config/referencePage.ts";
import { serveOptions } from "../../src/config/serveOptions.ts";

test("docs/configuration.md is what the schema says (bun scripts/configDocs.ts writes it)", () => {
  expect(readFileSync(join(import.meta.dir, "../../docs/configuration.md"), "utf8")).toBe(referencePage());
});

test("every option has a sentence that ends like one, and a default that is a good value", () => {
  for (const { description, defaultValue, schema } of serveOptions) {
    expect(description).toMatch(/[.]$/);
    expect(schema.safeParse(defaultValue).success).toBe(true);
  }
});

test("the JSON Schema knows every option of the file and refuses others", () => {
  const schema = configJsonSchema() as {
    properties: { serve: { properties: object; additionalProperties: boolean } };
    additionalProperties: boolean;
  };
  expect(schema.additionalProperties).toBe(false);
  expect(schema.properties.serve.additionalProperties).toBe(false);
  expect(Object.keys(schema.properties.serve.properties).sort()).toEqual(
    serveOptions
      .filter((option) => option.inFile)
      .map((option) => option.key)
      .sort(),
  );
  expect(JSON.stringify(schema)).not.toMatch(/placeholder|"expected"|inFile/);
});

test("the file of the docs is a good one", () => {
  const yaml = /```yaml\n([^]*?)```/.exec(referencePage())?.[1] ?? "";
  const value: unknown = Bun.YAML.parse(
    yaml
      .replaceAll("${WEB_WRITE_KEY}", "wk_web_0123456789")
      .replaceAll("${SHOP_WRITE_KEY}", "wk_shop_0123456789")
      .replace("[1]", '["1"]'),
  );
  expect(fileSchema.safeParse(value).error?.issues).toBeUndefined();
});
