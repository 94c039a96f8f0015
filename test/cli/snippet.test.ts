import { expect, test } from "bun:test";
import { freshet } from "../support/command.ts";

const key = ["--write-key", "wk_for_a_site_0001"];

test("the tag is ready to paste", async () => {
  const { code, stdout } = await freshet([
    "snippet",
    ...key,
    "--url",
    "https://events.shop.example/any/path",
  ]);
  expect(code).toBe(0);
  expect(stdout).toBe(
    '<script src="https://events.shop.example/v1/freshet.js" data-write-key="wk_for_a_site_0001" async></script>\n',
  );
});

test("each option is one attribute", async () => {
  const flags = ["--consent", "--respect-dnt", "--manual-pages", "--cookie", '.shop.example"><b>'];
  const { stdout } = await freshet(["snippet", ...key, ...flags]);
  expect(stdout).toBe(
    '<script src="http://127.0.0.1:8787/v1/freshet.js" data-write-key="wk_for_a_site_0001"' +
      ' data-consent="required" data-respect-dnt data-pages="manual"' +
      ' data-cookie=".shop.example&quot;>&lt;b>" async></script>\n',
  );
  const env = { FRESHET_WRITE_KEY: "wk_of_the_environment" };
  expect((await freshet(["snippet"], { env })).stdout).toContain('data-write-key="wk_of_the_environment"');
  expect((await freshet(["snippet", ...key, "--cookie"])).stdout).toContain(' data-cookie="" ');
});

test.each([
  [["--write-key", "sk_for_tests_only_0001"], "a secret key has no place in a page"],
  [["--write-key", 'wk_"><script>'], "expected a write key"],
  [[...key, "--url", "javascript:alert(1)"], "expected an address"],
  [[...key, "--url", "events.shop.example"], "expected an address"],
  [[], "--write-key"],
])("%p is refused", async (flags, sentence) => {
  const { code, stdout, stderr } = await freshet(["snippet", ...flags]);
  expect(code).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toContain(sentence);
});
