/** SendGrid as its reference tells of it, as far as the destination speaks to it. */
import type { Json } from "../../../src/model/event.ts";
import type { DestinationFake, Person } from "../../conformance/destination.ts";

interface Contact {
  readonly email: string;
  readonly custom_fields?: Readonly<Record<string, Json>>;
}

const definitions = [
  { id: "e1_T", name: "plan", field_type: "Text" },
  { id: "e2_N", name: "cart_value", field_type: "Number" },
  { id: "e3_T", name: "segment_pros", field_type: "Text" },
];

export class SendgridFake implements DestinationFake {
  readonly mails: object[] = [];
  #people = new Map<string, Record<string, Json>>();
  readonly #suppressed = new Set<string>();
  readonly #erased = new Set<string>();
  readonly #jobs = new Map<string, { readonly count: number; readonly bad: readonly Contact[] }>();
  readonly #files = new Map<string, string>();

  answer(request: Request, body: string): Response {
    const { pathname, origin, searchParams } = new URL(request.url);
    // Errors lie elsewhere, at an address that needs no key.
    const file = this.#files.get(pathname);
    if (file !== undefined) return new Response(file, { headers: { "Content-Type": "text/csv" } });
    if (request.headers.get("authorization") !== "Bearer SG.secret")
      return refusal(401, "authorization required");
    switch (`${request.method} ${pathname.split("/").slice(0, 5).join("/")}`) {
      case "GET /v3/marketing/field_definitions":
        return Response.json({ custom_fields: definitions, reserved_fields: [] });
      case "PUT /v3/marketing/contacts": {
        const { contacts } = JSON.parse(body) as { readonly contacts: readonly Contact[] };
        const ids = contacts.flatMap(({ custom_fields = {} }) => Object.keys(custom_fields));
        const unknown = ids.filter((id) => definitions.every((one) => one.id !== id));
        if (unknown.length > 0)
          return refusal(400, `invalid custom field ids supplied - ${unknown.join(",")}`);
        const id = `job-${this.#jobs.size}`;
        // A job goes on by itself, whether anybody asks for it or not.
        const bad = contacts.filter(({ custom_fields }) => custom_fields?.["e1_T"] === "poison");
        for (const one of contacts) if (!bad.includes(one)) this.#take(one);
        this.#jobs.set(id, { count: contacts.length, bad });
        return Response.json({ job_id: id }, { status: 202 });
      }
      case "GET /v3/marketing/contacts/imports":
        return this.#result(pathname.split("/").at(-1) ?? "", origin);
      case "POST /v3/marketing/contacts/search": {
        const [email = ""] = (JSON.parse(body) as { readonly emails: readonly string[] }).emails;
        const found = this.#people.get(email);
        if (found === undefined) return refusal(404, "no contacts found");
        const { first_name = "", ...custom_fields } = found;
        return Response.json({
          result: { [email]: { contact: { id: idOf(email), email, first_name, custom_fields } } },
        });
      }
      case "DELETE /v3/marketing/contacts": {
        for (const email of this.#people.keys())
          if (searchParams.get("ids") === idOf(email)) {
            this.#people.delete(email);
            this.#erased.add(email);
          }
        return Response.json({ job_id: "deleted" }, { status: 202 });
      }
      case "POST /v3/asm/suppressions/global": {
        const { recipient_emails } = JSON.parse(body) as { readonly recipient_emails: readonly string[] };
        for (const email of recipient_emails) this.#suppressed.add(email);
        return Response.json({ recipient_emails }, { status: 201 });
      }
      case "DELETE /v3/asm/suppressions/global": {
        const isThere = this.#suppressed.delete(decodeURIComponent(pathname.split("/").at(-1) ?? ""));
        return isThere ? new Response(null, { status: 204 }) : refusal(404, "not found");
      }
      case "POST /v3/mail/send":
        this.mails.push(JSON.parse(body) as object);
        return new Response(null, { status: 202 });
      default:
        return refusal(404, "not found");
    }
  }

  fields({ email }: Person): Readonly<Record<string, Json>> | null {
    return this.#people.get(email) ?? null;
  }

  isMember({ email }: Person, audience: string): boolean {
    return this.#people.get(email)?.[`segment_${audience}`] === "yes";
  }

  isSuppressed({ email }: Person): boolean {
    return this.#suppressed.has(email);
  }

  isErased({ email }: Person): boolean {
    return this.#erased.has(email);
  }

  #result(id: string, origin: string): Response {
    const job = this.#jobs.get(id);
    if (job === undefined) return refusal(404, "no such job");
    const { bad } = job;
    const count = { requested_count: job.count, errored_count: bad.length };
    if (bad.length === 0) return Response.json({ id, status: "completed", results: count });
    const path = `/files/${id}.csv`;
    this.#files.set(path, ["email,error", ...bad.map(({ email }) => `${email},bad plan`)].join("\n"));
    return Response.json({ id, status: "errored", results: { ...count, errors_url: `${origin}${path}` } });
  }

  #take({ email, custom_fields = {}, ...rest }: Contact): void {
    const named = Object.entries(custom_fields).map(
      ([id, value]) => [definitions.find((one) => one.id === id)?.name ?? id, value] as const,
    );
    const own = rest as Readonly<Record<string, Json>>;
    this.#people.set(email, { ...this.#people.get(email), ...own, ...Object.fromEntries(named) });
  }
}

function idOf(email: string): string {
  return Buffer.from(email).toString("hex");
}

function refusal(status: number, message: string): Response {
  return Response.json({ errors: [{ message, field: null }] }, { status });
}
