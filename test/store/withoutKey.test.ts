import { describe, expect, test } from "bun:test";
import { withoutKey } from "../../src/store/withoutKey.ts";
import { openTestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

describe("a body for the quarantine", () => {
  test.each([
    ['{"writeKey":"sk_0123456789abcdef","batch":1}', '{"writeKey":"","batch":1}'],
    ['{"writeKey" : "wk_a\\"b" , "x":1}', '{"writeKey" : "" , "x":1}'],
    ['[{"writeKey":"a"},{"writeKey":"b"}', '[{"writeKey":""},{"writeKey":""}'],
    ['{"writeKey":"sk_cut off', '{"writeKey":"'],
    ['{"writeKey":"two\nlines"', '{"writeKey":""'],
  ])("%s loses the key", (given, kept) => {
    expect(new TextDecoder().decode(withoutKey(bytesOf(given)))).toBe(kept);
  });

  test("without a key is the very same, whatever its bytes", () => {
    const bytes = Uint8Array.of(0xff, 0x00, 0x7b);
    expect(withoutKey(bytes)).toBe(bytes);
  });

  test("keeps bytes that are no text", () => {
    const bytes = Buffer.concat([bytesOf('{"writeKey":"k",'), Uint8Array.of(0xff, 0xfe, 0x80)]);
    expect(withoutKey(bytes)).toEqual(
      Buffer.concat([bytesOf('{"writeKey":"",'), Uint8Array.of(0xff, 0xfe, 0x80)]),
    );
  });

  test("that is refused whole waits without its key", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.at("data"));
    await opened.send("batch", '{"writeKey":"sk_0123456789abcdef","batch":[');
    const [piece] = opened.store.admin.quarantine(null, 1);
    expect(Buffer.from(piece?.body ?? []).toString()).toBe('{"writeKey":"","batch":[');
  });
});
