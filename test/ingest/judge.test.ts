import { describe, expect, test } from "bun:test";
import { judge, restore } from "../../src/ingest/judge.ts";
import type { Frame, Judged, StoredEvent, Verdict } from "../../src/store/accept.ts";

const receivedAtMs = Date.UTC(2026, 10, 24, 9);

function frameOf(call: Frame["call"], body: unknown, fields: Partial<Frame> = {}): Frame {
  const bytes =
    body instanceof Uint8Array
      ? body
      : new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
  return {
    call,
    source: "web",
    namespace: "live",
    trusted: true,
    receivedAtMs,
    lane: "live",
    body: bytes,
    ...fields,
  };
}

function judgeBody(call: Frame["call"], body: unknown): Verdict {
  let minted = 0;
  return judge(frameOf(call, body), () => `minted-${(minted += 1)}`);
}

/** `ok`, or the codes of what was refused or rejected, with the index in a batch. */
function summary(call: Frame["call"], body: unknown): string {
  const verdict = judgeBody(call, body);
  if (verdict.kind === "refused") return `${verdict.status} ${verdict.error.code}`;
  const bad = verdict.events.flatMap((judged, index) =>
    judged.kind === "rejected" ? [`${index}:${judged.error.code}`] : [],
  );
  return bad.length === 0 ? "ok" : bad.join(" ");
}

function eventsOf(call: Frame["call"], body: unknown): Extract<Judged, { kind: "event" }>[] {
  const verdict = judgeBody(call, body);
  if (verdict.kind === "refused") throw new Error(`refused: ${verdict.error.code}`);
  return verdict.events.map((judged) => {
    if (judged.kind === "rejected") throw new Error(`rejected: ${judged.error.code}`);
    return judged;
  });
}

function eventOf(call: Frame["call"], body: unknown): Extract<Judged, { kind: "event" }> {
  const [first] = eventsOf(call, body);
  if (first === undefined) throw new Error("no event");
  return first;
}

const who = { userId: "42" };
const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
const longest = "é".repeat(256);

describe("one event", () => {
  const cases: readonly (readonly [call: Frame["call"], body: unknown, outcome: string])[] = [
    // What each call needs.
    ["track", { ...who, event: "x" }, "ok"],
    ["track", { anonymousId: "a", event: "x" }, "ok"],
    ["track", who, "0:invalid_event"],
    ["track", { ...who, event: "" }, "0:invalid_event"],
    ["track", { ...who, event: 5 }, "0:invalid_event"],
    ["track", { ...who, event: null }, "0:invalid_event"],
    ["track", { event: "x" }, "0:missing_id"],
    ["track", { event: "x", userId: "", anonymousId: null }, "0:missing_id"],
    ["identify", who, "ok"],
    ["identify", { ...who, traits: null }, "ok"],
    ["identify", { ...who, traits: [] }, "ok"],
    ["identify", { ...who, traits: [1] }, "0:invalid_event"],
    ["identify", { ...who, traits: "x" }, "0:invalid_event"],
    ["identify", { ...who, traits: false }, "0:invalid_event"],
    ["page", who, "ok"],
    ["page", { ...who, name: "Home", properties: {} }, "ok"],
    ["page", { ...who, name: null }, "ok"],
    ["page", { ...who, name: 7 }, "0:invalid_event"],
    ["page", { ...who, name: "" }, "ok"],
    ["screen", { ...who, properties: 7 }, "0:invalid_event"],
    ["track", { ...who, event: "x", context: "web" }, "0:invalid_event"],
    ["track", { ...who, event: "x", context: [] }, "ok"],
    ["group", { ...who, groupId: "g" }, "ok"],
    ["group", { ...who, groupId: 7, traits: { name: "G" } }, "ok"],
    ["group", who, "0:invalid_event"],
    ["group", { ...who, groupId: "g", traits: 1 }, "0:invalid_event"],
    ["group", { groupId: "g" }, "0:missing_id"],
    ["alias", { ...who, previousId: "a" }, "ok"],
    ["alias", who, "0:invalid_event"],
    ["alias", { anonymousId: "a", previousId: "b" }, "0:invalid_event"],
    ["alias", { previousId: "a" }, "0:missing_id"],
    // The path decides the call; a type in the body of a single event does not.
    ["track", { ...who, event: "x", type: "identify" }, "ok"],
    ["track", { ...who, event: "x", type: "nonsense" }, "ok"],
    // Identifiers.
    ["identify", { userId: 42 }, "ok"],
    ["identify", { userId: Number.MAX_SAFE_INTEGER }, "ok"],
    ["identify", '{"userId":9007199254740993}', "0:invalid_event"],
    ["identify", '{"userId":-9007199254740993}', "0:invalid_event"],
    ["identify", { userId: 1.5 }, "0:invalid_event"],
    ["identify", { userId: true }, "0:invalid_event"],
    ["identify", { userId: {} }, "0:invalid_event"],
    ["identify", { userId: ["42"] }, "0:invalid_event"],
    ["identify", { ...who, anonymousId: {} }, "0:invalid_event"],
    ["identify", { userId: "x".repeat(512) }, "ok"],
    ["identify", { userId: "x".repeat(513) }, "0:id_too_long"],
    ["identify", { userId: longest }, "ok"],
    ["identify", { userId: `${longest}é` }, "0:id_too_long"],
    ["identify", { userId: "日".repeat(171) }, "0:id_too_long"],
    ["identify", { userId: "日".repeat(170) }, "ok"],
    ["identify", '{"userId":"\\ud800"}', "0:invalid_event"],
    ["identify", '{"userId":"a\\udc00b"}', "0:invalid_event"],
    ["identify", '{"userId":"\\ud83d\\ude00"}', "ok"],
    ["identify", '{"userId":"a\\u0000b"}', "0:invalid_event"],
    ["identify", '{"userId":"42","messageId":"\\ud800"}', "0:invalid_event"],
    ["identify", { ...who, messageId: "x".repeat(513) }, "0:id_too_long"],
    ["identify", { ...who, messageId: {} }, "0:invalid_event"],
    ["identify", { userId: "__proto__" }, "ok"],
    ["identify", { userId: " 42 " }, "ok"],
    ["alias", { ...who, previousId: "x".repeat(513) }, "0:id_too_long"],
    ["group", { ...who, groupId: "x".repeat(513) }, "0:id_too_long"],
    // Keys.
    ["identify", '{"userId":"42","traits":{"__proto__":{"a":1}}}', "0:forbidden_key"],
    ["identify", '{"userId":"42","__proto__":null}', "0:forbidden_key"],
    ["identify", '{"userId":"42","context":{"a":[{"__proto__":1}]}}', "0:forbidden_key"],
    ["identify", '{"userId":"42","context":{"\\u005f_proto\\u005F_":1}}', "0:forbidden_key"],
    ["identify", '{"userId":"42","context":{"__pr\\u006fto__" \n:1}}', "0:forbidden_key"],
    ["identify", '{"userId":"42","context":{"a":{"__proto__":1},"a":2}}', "0:forbidden_key"],
    ["identify", '{"userId":"42","traits":{"note":"__proto__","other":"a \\"__proto__\\": b"}}', "ok"],
    ["identify", '{"userId":"42","traits":{"__proto":1,"proto__":2,"___proto__":3}}', "ok"],
    [
      "identify",
      { ...who, traits: { constructor: { prototype: { a: 1 } }, toString: 1, hasOwnProperty: 2 } },
      "ok",
    ],
    ["identify", '{"userId":"42","userId":"43"}', "0:forbidden_key"],
    ["identify", '{"userId":"42","us\\u0065rId":"43"}', "0:forbidden_key"],
    ["identify", '{"userId":"42","traits":{"a":1,"a":2}}', "ok"],
    // Numbers.
    ["identify", '{"userId":"42","traits":{"a":1e999}}', "0:invalid_event"],
    ["identify", '{"userId":"42","traits":{"a":[-1E+400]}}', "0:invalid_event"],
    ["identify", `{"userId":"42","traits":{"a":${"9".repeat(400)}}}`, "0:invalid_event"],
    ["identify", `{"userId":"42","traits":{"a":1e999,"a":2}}`, "0:invalid_event"],
    ["identify", `{"userId":"42","traits":{"a":0.${"9".repeat(400)}}}`, "ok"],
    [
      "identify",
      '{"userId":"42","traits":{"a":1e308,"b":1e-999,"c":123456789012345678901234567890,"d":"1e999"}}',
      "ok",
    ],
    // Depth: the event's own braces are level 1.
    ["identify", `{"userId":"42","context":${nested(31)}}`, "ok"],
    ["identify", `{"userId":"42","context":${nested(32)}}`, "0:too_deep"],
    ["identify", "[".repeat(100_000), "0:too_deep"],
    ["identify", `{"userId":"42","traits":{"a":"${"[".repeat(100)}"}}`, "ok"],
    // Size.
    ["identify", JSON.stringify(who).padEnd(32 * 1024, " "), "ok"],
    ["identify", JSON.stringify(who).padEnd(32 * 1024 + 1, " "), "0:too_large"],
    // What is no JSON object.
    ["identify", "", "400 invalid_json"],
    ["identify", " ", "400 invalid_json"],
    ["identify", "{", "400 invalid_json"],
    ["identify", '{"userId":"42"}x', "400 invalid_json"],
    ["identify", '\ufeff{"userId":"42"}', "400 invalid_json"],
    ["identify", new Uint8Array([0x22, 0xff, 0x22]), "400 invalid_json"],
    ["identify", new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]), "400 invalid_json"],
    ["identify", "null", "0:invalid_event"],
    ["identify", "[]", "0:invalid_event"],
    ["identify", '"x"', "0:invalid_event"],
    ["identify", "7", "0:invalid_event"],
    // Times that can't be read, where they are needed.
    ["identify", { ...who, timestamp: "yesterday" }, "0:invalid_event"],
    ["identify", { ...who, timestamp: 1_795_504_000 }, "0:invalid_event"],
    ["identify", { ...who, originalTimestamp: "soon" }, "0:invalid_event"],
    ["identify", { ...who, originalTimestamp: "2026-11-24T09:00:00Z", sentAt: "soon" }, "0:invalid_event"],
    [
      "identify",
      { ...who, timestamp: "2026-11-24T09:00:00Z", originalTimestamp: "soon", sentAt: "soon" },
      "ok",
    ],
  ];

  test.each(cases)("%s %j: %s", (call, body, outcome) => {
    expect(summary(call, body)).toBe(outcome);
  });
});

describe("what an event becomes", () => {
  test("every field, from the frame and from the text", () => {
    const text =
      ' {"event":"Order Completed","messageId":"m-1","userId":42,"anonymousId":"a-1","properties":{"total":12345678901234567890},"timestamp":"2026-11-24T08:58:12.345Z"}\n';
    expect(eventOf("track", text)).toEqual({
      kind: "event",
      event: {
        namespace: "live",
        source: "web",
        trusted: true,
        type: "track",
        name: "Order Completed",
        messageId: "m-1",
        userId: "42",
        anonymousId: "a-1",
        previousId: null,
        groupId: null,
        timestampMs: Date.UTC(2026, 10, 24, 8, 58, 12, 345),
        receivedAtMs,
        index: 0,
        properties: { total: 12_345_678_901_234_567_000 },
        traits: {},
      },
      raw: new TextEncoder().encode(text),
      extra: null,
      minted: false,
    });
  });

  test("a browser's event stays marked as such, its alias too", () => {
    const verdict = judge(frameOf("alias", { ...who, previousId: "a" }, { trusted: false }), () => "x");
    expect(verdict).toMatchObject({
      events: [{ kind: "event", event: { trusted: false, previousId: "a", userId: "42" } }],
    });
  });

  test("a missing messageId is minted, an empty one too, a number is text", () => {
    const made = [undefined, null, "", 7].map((messageId) => eventOf("identify", { ...who, messageId }));
    expect(made.map(({ minted, event }) => [minted, event.messageId])).toEqual([
      [true, "minted-1"],
      [true, "minted-1"],
      [true, "minted-1"],
      [false, "7"],
    ]);
  });

  test("traits may stand in context alone, and traits beside it win", () => {
    expect(eventOf("identify", { ...who, context: { traits: { a: 1 } } }).event.traits).toEqual({ a: 1 });
    expect(
      eventOf("identify", { ...who, traits: { b: 2 }, context: { traits: { a: 1 } } }).event.traits,
    ).toEqual({ b: 2 });
    expect(eventOf("track", { ...who, event: "x", context: { traits: { a: 1 } } }).event.traits).toEqual({});
  });

  test("group traits are not the profile's, a track's name is not its own", () => {
    expect(eventOf("group", { ...who, groupId: "g", traits: { a: 1 } }).event).toMatchObject({
      traits: {},
      groupId: "g",
      name: null,
    });
    expect(
      eventOf("track", { ...who, event: "x", name: "y", groupId: "g", previousId: "p" }).event,
    ).toMatchObject({ name: "x", groupId: null, previousId: null });
    expect(eventOf("page", { ...who, event: "x" }).event.name).toBeNull();
  });

  test("lone surrogates outside identifiers stay", () => {
    expect(
      eventOf("track", '{"userId":"42","event":"\\ud800","properties":{"\\udc00":"\\ud800"}}').event,
    ).toMatchObject({ name: "\ud800", properties: { "\udc00": "\ud800" } });
  });
});

const batchText = (events: readonly string[]) => `{"batch":[${events.join(",")}]}`;

describe("a batch", () => {
  const good = { ...who, type: "identify" };

  const cases: readonly (readonly [body: unknown, outcome: string])[] = [
    [{ batch: [] }, "ok"],
    [{ batch: [good, good] }, "ok"],
    [
      { batch: [good, { ...who, type: "nope" }, who, 7, null, [], good] },
      "1:invalid_event 2:invalid_event 3:invalid_event 4:invalid_event 5:invalid_event",
    ],
    [{ batch: [{ ...who, type: "constructor" }] }, "0:invalid_event"],
    [{ batch: [{ type: "identify" }, good] }, "0:missing_id"],
    [{}, "400 invalid_event"],
    [{ batch: null }, "400 invalid_event"],
    [{ batch: {} }, "400 invalid_event"],
    [{ batch: "x" }, "400 invalid_event"],
    [[good], "400 invalid_event"],
    ["null", "400 invalid_event"],
    ["", "400 invalid_json"],
    ['{"batch":[{},]}', "400 invalid_json"],
    ['{"batch":[{}', "400 invalid_json"],
    ['{"batch":[{}]]', "400 invalid_json"],
    [`{"batch":[],"batch":[]}`, "400 forbidden_key"],
    [`{"batch":[],"b\\u0061tch":[]}`, "400 forbidden_key"],
    [`{"batch":[],"sentAt":null,"sentAt":null}`, "400 forbidden_key"],
    [`{"b\\u0061tch":[${JSON.stringify(good)}]}`, "ok"],
    [`{"__proto__":1,"batch":[${JSON.stringify(good)}]}`, "400 forbidden_key"],
    [`{"batch":[${JSON.stringify(good)}],"context":{"\\u005f_proto__":1}}`, "400 forbidden_key"],
    [`{"context":{"__proto__":1},"batch":[]}`, "400 forbidden_key"],
    [`{"batch":[],"x":1e999}`, "400 invalid_json"],
    [`{"batch":[],"x":${nested(40)}}`, "400 too_deep"],
    [batchText(["[".repeat(50_000)]), "400 invalid_json"],
    // One bad event is its own fault alone.
    [
      batchText([
        JSON.stringify(good),
        '{"type":"identify","userId":"1","traits":{"__proto__":1}}',
        JSON.stringify(good),
      ]),
      "1:forbidden_key",
    ],
    [batchText(['{"type":"identify","userId":"1","userId":"2"}', JSON.stringify(good)]), "0:forbidden_key"],
    [
      batchText(['{"type":"identify","userId":"1","traits":{"a":1e999}}', JSON.stringify(good)]),
      "0:invalid_event",
    ],
    [
      batchText([
        `{"type":"identify","userId":"1","traits":${nested(32)}}`,
        JSON.stringify(good),
        nested(5_000),
      ]),
      "0:too_deep 2:too_deep",
    ],
    [batchText([JSON.stringify(good).padEnd(40_000, " "), JSON.stringify(good)]), "ok"],
    [{ batch: [{ ...good, traits: { a: "x".repeat(33_000) } }, good] }, "0:too_large"],
    [{ batch: Array.from({ length: 2_501 }, () => 0) }, "413 batch_too_large"],
    // What is shared counts for each.
    [{ batch: [good], context: { a: "x".repeat(5_000) } }, "400 too_large"],
    [
      { batch: [{ ...good, traits: { a: "x".repeat(30_000) } }, good], context: { a: "x".repeat(3_000) } },
      "0:too_large",
    ],
  ];

  test.each(cases)("%j: %s", (body, outcome) => {
    expect(summary("batch", body)).toBe(outcome);
    expect(summary("import", body)).toBe(outcome);
  });

  test("keeps each event's own text, wherever it stands", () => {
    const events = [
      { ...good, traits: { a: "]},{é😀\\" } },
      { ...who, type: "track", event: '"}', messageId: "m" },
    ].map((event) => JSON.stringify(event));
    const spaced = `\n{ "sentAt" : "2026-11-24T09:00:00Z" , "x":[[{}]], "batch" :\t[ ${events.join(" ,\r\n")} ] , "y": {"batch":[1,2,3]} } `;
    const made = eventsOf("batch", spaced);
    expect(made.map(({ raw }) => new TextDecoder().decode(raw))).toEqual(events);
    expect(made.map(({ event }) => [event.index, event.type])).toEqual([
      [0, "identify"],
      [1, "track"],
    ]);
  });

  test("hands its messageId back where it can", () => {
    const verdict = judgeBody("batch", {
      batch: [{ messageId: "m-0" }, { messageId: 7 }, { messageId: {} }, { messageId: "x".repeat(600) }, 5],
    });
    if (verdict.kind === "refused") throw new Error("refused");
    expect(
      verdict.events.map((judged) => (judged.kind === "rejected" ? judged.messageId : "accepted")),
    ).toEqual(["m-0", "7", null, null, null]);
  });

  test("lends its sentAt to events without one", () => {
    const event = { ...good, originalTimestamp: "2026-11-24T06:00:00.000Z" };
    const made = eventsOf("batch", {
      batch: [event, { ...event, sentAt: "2026-11-24T06:00:05.000Z" }],
      sentAt: "2026-11-24T06:00:01.000Z",
    });
    expect(made.map(({ event: { timestampMs } }) => receivedAtMs - timestampMs)).toEqual([1_000, 5_000]);
  });

  test("has what its context says stored with each event", () => {
    const made = eventsOf("batch", {
      batch: [good, { ...good, timestamp: "2027-01-01T00:00:00Z" }],
      context: { locale: "de" },
      integrations: { All: true },
    });
    expect(made.map(({ extra }) => JSON.parse(extra ?? "null") as unknown)).toEqual([
      { context: { locale: "de" }, integrations: { All: true } },
      { context: { locale: "de" }, integrations: { All: true }, givenTimestamp: "2027-01-01T00:00:00Z" },
    ]);
    expect(
      eventOf("batch", { batch: [good], context: {}, integrations: null, sentAt: null }).extra,
    ).toBeNull();
  });
});

describe("restore", () => {
  const bodies: readonly (readonly [Frame["call"], unknown])[] = [
    ["track", { event: "\ud800", userId: 42, anonymousId: "a", properties: { a: [1.5, { b: null }] } }],
    ["identify", { userId: "42", timestamp: "2030-01-01T00:00:00Z", traits: { email: "Ann@Example.com" } }],
    ["identify", { anonymousId: "42", context: { traits: { a: 1 } } }],
    ["page", { userId: "42", name: "Home", type: "track" }],
    ["screen", { userId: "42" }],
    ["group", { userId: "42", groupId: 7 }],
    ["alias", { userId: "42", previousId: "a", messageId: "" }],
    [
      "batch",
      {
        batch: [
          { type: "track", userId: 1, event: "x" },
          { type: "alias", userId: 1, previousId: 2, originalTimestamp: "2026-11-24T08:00:00Z" },
        ],
        sentAt: "2026-11-24T08:00:03Z",
        context: { a: 1 },
      },
    ],
  ];

  test.each(bodies)("makes the judged event again: %s %j", (call, body) => {
    for (const { event, raw, extra } of eventsOf(call, body)) {
      const {
        namespace,
        source,
        trusted,
        type,
        name,
        messageId,
        timestampMs,
        receivedAtMs: received,
        index,
      } = event;
      const stored: StoredEvent = {
        namespace,
        source,
        trusted,
        type,
        name,
        messageId,
        timestampMs,
        receivedAtMs: received,
        index,
        raw,
        extra,
      };
      expect(restore(stored)).toEqual(event);
    }
  });
});
