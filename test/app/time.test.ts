/** A server whose segments turn by themselves, seen from outside. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";

interface Told {
  readonly cause: string;
  readonly event: unknown;
  readonly timestamp: string;
  readonly receivedAt: string | null;
  readonly segments: { readonly entered: readonly string[]; readonly exited: readonly string[] };
}

interface Page {
  readonly changes: readonly Told[];
  readonly nextCursor: string;
}

const config = `version: 1
segments:
  lookers: { event: Looked, within: 1s }
  buyers: { event: Bought }
`;

async function pageAfter(server: TestServer, cursor: string): Promise<Page> {
  const answer = await server.get(`/v1/changes?segment=lookers&cursor=${cursor}&waitMs=5000`);
  return (await answer.json()) as Page;
}

test("what falls due is read at its own moment, and heard in the feed of its segment, once", async () => {
  using folder = tempFolder();
  writeFileSync(folder.at("freshet.yaml"), config);
  await using server = await startServer({
    data: folder.at("data"),
    args: ["--config", folder.at("freshet.yaml")],
  });
  const read = () => server.get("/v1/profiles/user_id:42");
  await server.post("/v1/track", { userId: "42", event: "Bought", messageId: "m-1" });
  await server.post("/v1/track", { userId: "42", event: "Looked", messageId: "m-2" });
  const first = await read();
  expect(await first.json()).toMatchObject({ segments: ["buyers", "lookers"] });
  // A second is all that such an answer may be kept for.
  expect(first.headers.get("cache-control")).toBe("private, max-age=0");
  const entering = await pageAfter(server, "earliest");
  expect(entering.changes).toMatchObject([
    { cause: "event", segments: { entered: ["lookers"], exited: [] } },
  ]);
  let page = entering;
  while (page.changes.length === 0 || page === entering) page = await pageAfter(server, page.nextCursor);
  expect(page.changes).toMatchObject([
    { cause: "time", event: null, receivedAt: null, segments: { entered: [], exited: ["lookers"] } },
  ]);
  const [entered] = entering.changes;
  const [left] = page.changes;
  expect(Date.parse(left?.timestamp ?? "") - Date.parse(entered?.timestamp ?? "")).toBe(1_000);
  const second = await read();
  expect(await second.json()).toMatchObject({ segments: ["buyers"] });
  expect(second.headers.get("etag")).not.toBe(first.headers.get("etag"));
  expect(await (await server.get("/v1/profiles/user_id:42?verbose=true")).json()).toMatchObject({
    segments: [{ name: "buyers", since: expect.any(String) }],
  });
});
