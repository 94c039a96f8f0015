/** Klaviyo as its reference tells of it, as far as the destination speaks to it. */
import type { Json } from "../../../src/model/event.ts";
import type { DestinationFake, Person } from "../../conformance/destination.ts";

interface Profile {
  readonly attributes: Readonly<Record<string, Json>> & { readonly email: string };
  readonly meta?: { readonly patch_properties?: { readonly unset?: readonly string[] } };
}

interface Happening {
  readonly properties: Readonly<Record<string, Json>>;
  readonly unique_id: string;
  readonly metric: { readonly data: { readonly attributes: { readonly name: string } } };
}

interface Data<Value> {
  readonly data: Value;
}

interface Job {
  readonly run: () => readonly object[];
  asked: number;
  errors: readonly object[];
}

const isOf = "application/vnd.api+json";

export class KlaviyoFake implements DestinationFake {
  /** Jobs that were made, by what they are. */
  readonly made: string[] = [];
  readonly #people = new Map<string, Record<string, Json>>();
  readonly #events = new Map<string, { readonly of: string; readonly name: string }>();
  readonly #suppressed = new Set<string>();
  readonly #erased = new Set<string>();
  readonly #jobs = new Map<string, Job>();

  answer(request: Request, body: string): Response {
    const { pathname, searchParams, origin } = new URL(request.url);
    if (request.headers.get("authorization") !== "Klaviyo-API-Key pk_secret")
      return problem(401, "not_authenticated", "Incorrect authentication credentials.");
    if (!/^\d{4}-\d{2}-\d{2}$/.test(request.headers.get("revision") ?? ""))
      return problem(400, "invalid", "The revision header is missing.");
    if (request.method === "GET") return this.#read(pathname, searchParams, origin);
    if (request.headers.get("content-type") !== isOf) return problem(415, "unsupported_media_type", "");
    return this.#write(pathname, JSON.parse(body) as Data<never>);
  }

  fields({ email }: Person): Readonly<Record<string, Json>> | null {
    return this.#people.get(email) ?? null;
  }

  events({ email }: Person): readonly string[] {
    return [...this.#events.values()].filter(({ of }) => of === email).map(({ name }) => name);
  }

  isMember({ email }: Person, audience: string): boolean {
    return this.#people.get(email)?.[`segment_${audience}`] === true;
  }

  isSuppressed({ email }: Person): boolean {
    return this.#suppressed.has(email);
  }

  isErased({ email }: Person): boolean {
    return this.#erased.has(email);
  }

  #read(pathname: string, search: URLSearchParams, origin: string): Response {
    if (pathname === "/api/profiles") {
      const email = /^equals\(email,"(.+)"\)$/.exec(search.get("filter") ?? "")?.[1] ?? "";
      const found = this.#people.get(email);
      const { first_name = null, ...properties } = found ?? {};
      const data = [{ type: "profile", id: "01", attributes: { email, first_name, properties } }];
      return json(200, { data: found === undefined ? [] : data });
    }
    const path = /^\/api\/([a-z-]+)s\/([^/]+)(?:\/(.+))?$/.exec(decodeURIComponent(pathname));
    const [, type = "", id = "", part] = path ?? [];
    const job = this.#jobs.get(`${type}/${id}`);
    if (job === undefined) return problem(404, "not_found", "There is no such job.");
    if (part === "import-errors") {
      // One a page, to have more of them.
      const at = Number(search.get("page[cursor]") ?? 0);
      const next = at + 1 < job.errors.length ? `${origin}${pathname}?page[cursor]=${at + 1}` : null;
      return json(200, { data: job.errors.slice(at, at + 1), links: { self: "", next } });
    }
    job.asked += 1;
    if (job.asked === 1) job.errors = job.run();
    const attributes = { status: "complete", total_count: 1, failed_count: job.errors.length };
    return json(200, { data: { type, id, attributes } });
  }

  #write(pathname: string, { data }: Data<{ readonly attributes: unknown }>): Response {
    switch (pathname) {
      case "/api/profile-import": {
        const one = data as unknown as Profile;
        const why = this.#take(one);
        return why === null
          ? json(200, { data: { type: "profile", id: "01", attributes: one.attributes } })
          : problem(400, "invalid", why);
      }
      case "/api/profile-bulk-import-jobs": {
        const { profiles } = data.attributes as { readonly profiles: Data<readonly Profile[]> };
        return this.#job("profile-bulk-import-job", () =>
          profiles.data.flatMap((one, at) => {
            const detail = this.#take(one);
            if (detail === null) return [];
            const source = { pointer: `/data/attributes/profiles/data/${at}/attributes/properties` };
            const attributes = { code: "invalid", title: "Invalid input.", detail, source };
            return [{ type: "import-error", id: String(at), attributes }];
          }),
        );
      }
      case "/api/events":
        this.#happen(data.attributes as Happening & { readonly profile: Data<Profile> });
        return new Response(null, { status: 202 });
      case "/api/data-privacy-deletion-jobs": {
        const { profile } = data.attributes as { readonly profile: Data<Profile> };
        const { email } = profile.data.attributes;
        if (!this.#people.delete(email)) return problem(404, "not_found", "There is no such profile.");
        this.#erased.add(email);
        return new Response(null, { status: 202 });
      }
      case "/api/profile-suppression-bulk-create-jobs":
      case "/api/profile-suppression-bulk-delete-jobs": {
        const { profiles } = data.attributes as { readonly profiles: Data<readonly Profile[]> };
        const isAdded = pathname.endsWith("create-jobs");
        return this.#job(pathname.slice("/api/".length, -1), () => {
          for (const { attributes } of profiles.data)
            if (isAdded) this.#suppressed.add(attributes.email);
            else this.#suppressed.delete(attributes.email);
          return [];
        });
      }
      case "/api/event-bulk-create-jobs": {
        const all = data.attributes as {
          readonly "events-bulk-create": Data<
            readonly {
              readonly attributes: {
                readonly profile: Data<Profile>;
                readonly events: Data<readonly { readonly attributes: Happening }[]>;
              };
            }[]
          >;
        };
        for (const { attributes } of all["events-bulk-create"].data)
          for (const one of attributes.events.data)
            this.#happen({ ...one.attributes, profile: attributes.profile });
        return new Response(null, { status: 202 });
      }
      default:
        return problem(404, "not_found", "There is no such path.");
    }
  }

  #job(type: string, run: Job["run"]): Response {
    this.made.push(type);
    const id = `am9i${this.#jobs.size}==`;
    this.#jobs.set(`${type}/${id}`, { run, asked: 0, errors: [] });
    return json(202, { data: { type, id, attributes: { status: "queued", total_count: 1 } } });
  }

  #happen({ unique_id, metric, profile }: Happening & { readonly profile: Data<Profile> }): void {
    this.#events.set(unique_id, { of: profile.data.attributes.email, name: metric.data.attributes.name });
  }

  #take({ attributes: { email, properties = {}, ...rest }, meta }: Profile): string | null {
    const given = properties as Readonly<Record<string, Json>>;
    if (given["plan"] === "poison") return "'poison' is not a valid plan.";
    const fields = { ...this.#people.get(email), ...given, ...rest };
    for (const name of meta?.patch_properties?.unset ?? []) delete fields[name];
    for (const [name, value] of Object.entries(fields)) if (value === null) delete fields[name];
    this.#people.set(email, fields);
    return null;
  }
}

function json(status: number, body: object): Response {
  return Response.json(body, { status, headers: { "Content-Type": isOf } });
}

function problem(status: number, code: string, detail: string): Response {
  return json(status, { errors: [{ id: "e1", status, code, title: "Invalid input.", detail, source: {} }] });
}
