/** Published bad input, through the front door: the right answer each time, never a 5xx. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode, startIngest } from "./ingestServer.ts";

const fixtures = join(import.meta.dir, "..", "fixtures");

describe("the JSON test suite", () => {
  const folder = join(fixtures, "json-test-suite");
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort();

  test("is all there", () => {
    expect(["y_", "n_", "i_"].map((kind) => files.filter((name) => name.startsWith(kind)).length)).toEqual([
      95, 188, 35,
    ]);
  });

  test("what is no JSON is refused as such, alone and inside an event", async () => {
    await using server = startIngest();
    for (const name of files.filter((file) => file.startsWith("n_"))) {
      const text = readFileSync(join(folder, name));
      const alone = await server.post("/v1/identify", new Uint8Array(text));
      expect([name, alone.status, await errorCode(alone)]).toEqual([
        name,
        400,
        expect.stringMatching(/^(invalid_json|too_deep)$/),
      ]);
      // Some of it is a second value after the first, or a closing bracket too many: inside an event that is no JSON either.
      const inside = Buffer.concat([
        Buffer.from('{"batch":[{"type":"identify","userId":"42","traits":{"a":'),
        text,
        Buffer.from("}}]}"),
      ]);
      const response = await server.post("/v1/batch", new Uint8Array(inside));
      expect([name, response.status]).toEqual([name, 400]);
    }
    expect(server.accept.events).toHaveLength(0);
  });

  test("what is JSON is taken inside an event, and its own text is kept", async () => {
    await using server = startIngest();
    for (const name of files.filter((file) => file.startsWith("y_"))) {
      const text = readFileSync(join(folder, name));
      const event = Buffer.concat([Buffer.from('{"userId":"42","traits":{"a":'), text, Buffer.from("}}")]);
      const response = await server.post("/v1/identify", new Uint8Array(event));
      expect([name, response.status]).toEqual([name, 200]);
      const kept = server.accept.events.at(-1);
      expect(Buffer.from(kept?.raw ?? []).equals(event)).toBe(true);
      expect(kept?.event.traits["a"]).toEqual(JSON.parse(text.toString("utf8")));
    }
  });

  test("what is for the parser to decide is taken or refused", async () => {
    await using server = startIngest();
    const taken: string[] = [];
    for (const name of files.filter((file) => file.startsWith("i_"))) {
      const text = readFileSync(join(folder, name));
      const event = Buffer.concat([Buffer.from('{"userId":"42","traits":{"a":'), text, Buffer.from("}}")]);
      const response = await server.post("/v1/identify", new Uint8Array(event));
      expect([200, 400]).toContain(response.status);
      if (response.status === 200) taken.push(name);
    }
    // Lone surrogates behind escapes and numbers that a double can hold; no broken UTF-8, no infinity, nothing deep.
    expect(taken).toEqual([
      "i_number_double_huge_neg_exp.json",
      "i_number_real_underflow.json",
      "i_number_too_big_neg_int.json",
      "i_number_too_big_pos_int.json",
      "i_number_very_big_negative_int.json",
      "i_object_key_lone_2nd_surrogate.json",
      "i_string_1st_surrogate_but_2nd_missing.json",
      "i_string_1st_valid_surrogate_2nd_invalid.json",
      "i_string_incomplete_surrogate_and_escape_valid.json",
      "i_string_incomplete_surrogate_pair.json",
      "i_string_incomplete_surrogates_escape_valid.json",
      "i_string_invalid_lonely_surrogate.json",
      "i_string_invalid_surrogate.json",
      "i_string_inverted_surrogates_U+1D11E.json",
      "i_string_lone_second_surrogate.json",
    ]);
  });
});

test("naughty strings go through every field and come out the same", async () => {
  await using server = startIngest();
  const strings = JSON.parse(readFileSync(join(fixtures, "blns", "blns.json"), "utf8")) as string[];
  expect(strings.length).toBeGreaterThan(500);
  for (const naughty of strings) {
    const body = {
      userId: naughty,
      anonymousId: "a",
      event: naughty,
      properties: { [naughty]: naughty },
      context: { page: { title: naughty } },
    };
    const response = await server.post("/v1/track", body);
    const fits = naughty !== "" && Buffer.byteLength(naughty) <= 512;
    expect([naughty, response.status]).toEqual([naughty, fits ? 200 : 400]);
    if (!fits) continue;
    const { event } = server.accept.events.at(-1) ?? {};
    expect([event?.userId, event?.name, event?.properties]).toEqual([
      naughty,
      naughty,
      { [naughty]: naughty },
    ]);
  }
});

test("keys that reach for prototypes do nothing", async () => {
  await using server = startIngest();
  const bodies = JSON.parse(
    readFileSync(join(fixtures, "prototype-keys", "bodies.json"), "utf8"),
  ) as string[];
  const outcomes: string[] = [];
  for (const body of bodies) {
    const whole = body.replace(/^\{/, body.includes('"userId"') ? "{" : '{"userId":"42",');
    const response = await server.post(body.includes('"event"') ? "/v1/track" : "/v1/identify", whole);
    outcomes.push(response.status === 200 ? "ok" : await errorCode(response));
  }
  const forbidden = "forbidden_key";
  expect(outcomes).toEqual([
    forbidden,
    "ok",
    forbidden,
    "ok",
    forbidden,
    "ok",
    "ok",
    "ok",
    "ok",
    forbidden,
    forbidden,
  ]);
  const untouched: Record<string, unknown> = {};
  expect([untouched["isAdmin"], untouched["polluted"], untouched["x"]]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
