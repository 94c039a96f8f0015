/** What freshet.yaml may say of those who ask for content, and what it may not. */
import { expect, test } from "bun:test";
import { readConfigText } from "../../src/config/configFile.ts";
import { contentSettings } from "../../src/config/content.ts";

const good = {
  issuer: "https://login.shop.example/",
  audience: "freshet",
  keySet: "https://login.shop.example/jwks",
  algorithms: ["ES256"],
};

function read(content: object): ReturnType<typeof contentSettings> {
  const text = JSON.stringify({ version: 1, content });
  const { file } = readConfigText({ name: "freshet.yaml", text }, {});
  return contentSettings(file.content, "/");
}

test("an issuer opens everything unless it is bounded", () => {
  const settings = read({
    issuers: { esp: good, test: { ...good, test: true, blocks: ["hello"], idTypes: ["email_sha256"] } },
    ampSenders: ["hello@shop.example", "*@news.shop.example"],
  });
  expect(settings?.issuers).toMatchObject([
    { name: "esp", namespace: "live", blocks: null, traits: null, idTypes: null, allowsPrivate: false },
    { name: "test", namespace: "test", blocks: ["hello"], traits: null, idTypes: ["email_sha256"] },
  ]);
  expect(settings?.ampSenders).toHaveLength(2);
});

test("a key set on this machine may be http, and lies in a private network by its nature", () => {
  const settings = read({ issuers: { esp: { ...good, keySet: "http://127.0.0.1:9/jwks" } } });
  expect(settings?.issuers[0]?.allowsPrivate).toBe(true);
});

test.each<[string, object]>([
  ["signs with a secret", { issuers: { esp: { ...good, algorithms: ["HS256"] } } }],
  ["signs with nothing", { issuers: { esp: { ...good, algorithms: ["none"] } } }],
  ["names no algorithm", { issuers: { esp: { ...good, algorithms: [] } } }],
  ["names no audience", { issuers: { esp: { ...good, audience: undefined } } }],
  ["has its keys in the clear", { issuers: { esp: { ...good, keySet: "http://login.shop.example/jwks" } } }],
  ["has its keys in a file", { issuers: { esp: { ...good, keySet: "file:///etc/keys" } } }],
  ["has a password in its address", { issuers: { esp: { ...good, keySet: "https://a:b@shop.example/" } } }],
  ["is everybody", { ampSenders: ["*"] }],
  ["is no address", { ampSenders: ["shop.example"] }],
])("who %s is refused", (_what, content) => {
  expect(() => read(content)).toThrow();
});
