/** A receiver as docs/destinations/http.md describes one. */
import type { Json } from "../../src/model/event.ts";
import type { DestinationFake, Person } from "../conformance/destination.ts";

interface Row {
  readonly profileId: string;
  readonly set?: Readonly<Record<string, Json>>;
  readonly clear?: readonly string[];
  readonly audience?: string;
  readonly isMember?: boolean;
  readonly reason?: string | null;
  readonly id?: string;
  readonly name?: string;
}

/** With `asJobs` it takes its time. */
export class Receiver implements DestinationFake {
  readonly #profiles = new Map<string, Record<string, Json>>();
  readonly #members = new Set<string>();
  readonly #suppressed = new Set<string>();
  readonly #events = new Map<string, { readonly profileId: string; readonly name: string }>();
  readonly #erased = new Set<string>();
  readonly #jobs = new Map<string, object[]>();
  readonly #asJobs: boolean;

  constructor(asJobs = false) {
    this.#asJobs = asJobs;
  }

  answer(request: Request, body: string): Response {
    const { pathname } = new URL(request.url);
    const job = /^\/in\/jobs\/(.+)$/.exec(pathname)?.[1];
    if (job !== undefined) return this.#jobResult(job);
    if (request.method === "GET" && pathname.endsWith("/profiles")) return this.#readBack(request);
    if (request.method === "GET") return Response.json({});
    const { rows } = JSON.parse(body) as { readonly rows: readonly Row[] };
    const results = rows.flatMap((row, index) => {
      if (row.set?.["plan"] === "poison") return [{ index, status: "rejected", reason: "no such plan" }];
      this.#take(pathname.slice("/in/".length), row);
      return [];
    });
    if (!this.#asJobs) return Response.json({ results });
    const id = `j${this.#jobs.size + 1}`;
    this.#jobs.set(id, results);
    return Response.json({ job: id }, { status: 202 });
  }

  fields({ profileId }: Person): Readonly<Record<string, Json>> | null {
    return this.#profiles.get(profileId) ?? null;
  }

  events({ profileId }: Person): readonly string[] {
    return [...this.#events.values()].filter((one) => one.profileId === profileId).map(({ name }) => name);
  }

  isMember({ profileId }: Person, audience: string): boolean {
    return this.#members.has(`${profileId}/${audience}`);
  }

  isSuppressed({ profileId }: Person): boolean {
    return this.#suppressed.has(profileId);
  }

  isErased({ profileId }: Person): boolean {
    return this.#erased.has(profileId);
  }

  /** Somebody changes a profile there behind our back. */
  tamper(profileId: string, fields: Readonly<Record<string, Json>> | null): void {
    if (fields === null) this.#profiles.delete(profileId);
    else this.#profiles.set(profileId, { ...this.#profiles.get(profileId), ...fields });
  }

  #readBack(request: Request): Response {
    const fields = this.#profiles.get(new URL(request.url).searchParams.get("profileId") ?? "");
    return fields === undefined ? new Response("", { status: 404 }) : Response.json({ fields });
  }

  #take(path: string, row: Row): void {
    const { profileId } = row;
    switch (path) {
      case "profiles": {
        const fields = { ...this.#profiles.get(profileId), ...row.set };
        for (const name of row.clear ?? []) delete fields[name];
        this.#profiles.set(profileId, fields);
        return;
      }
      case "audiences": {
        const key = `${profileId}/${row.audience}`;
        if (row.isMember === true) this.#members.add(key);
        else this.#members.delete(key);
        return;
      }
      case "suppressions":
        if (row.reason === null) this.#suppressed.delete(profileId);
        else this.#suppressed.add(profileId);
        return;
      case "events":
        this.#events.set(row.id ?? "", { profileId, name: row.name ?? "" });
        return;
      default:
        this.#erased.add(profileId);
        this.#profiles.delete(profileId);
    }
  }

  #jobResult(id: string): Response {
    const results = this.#jobs.get(id);
    return results === undefined
      ? new Response("", { status: 404 })
      : Response.json({ status: "done", results });
  }
}
