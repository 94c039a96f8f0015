/**
 * A Mailchimp audience as its reference tells of it, as far as the destination speaks to it: members by the MD5 of their
 * address, statuses that not everybody may change, merge fields, tags, events, and at most ten connections at once.
 */
import type { Json } from "../../../src/model/event.ts";
import type { DestinationFake, Person } from "../../conformance/destination.ts";

export interface FakeMember {
  email: string;
  status: string;
  /** They ended it themselves: the API can't subscribe them again. */
  hasEnded: boolean;
  readonly merged: Record<string, Json>;
  readonly tags: Set<string>;
  readonly events: { readonly name: string; readonly properties: object; readonly occurred_at: string }[];
}

interface Sent {
  readonly email_address?: string;
  readonly status?: string;
  readonly status_if_new?: string;
  readonly merge_fields?: Readonly<Record<string, Json>>;
}

interface MergeField {
  readonly tag: string;
  readonly type: string;
  readonly public?: boolean;
  readonly options?: { readonly choices?: readonly string[] };
}

const statuses = ["subscribed", "unsubscribed", "cleaned", "pending", "transactional"];
const mostConnections = 10;
const mostFields = 30;

export class MailchimpFake implements DestinationFake {
  readonly members = new Map<string, FakeMember>();
  readonly forgotten = new Set<string>();
  readonly fieldsThere: MergeField[] = [
    { tag: "FNAME", type: "text" },
    { tag: "PLAN", type: "text" },
    { tag: "CARTVALUE", type: "number" },
    { tag: "LASTORDER", type: "date" },
    { tag: "COLOUR", type: "dropdown", options: { choices: ["red", "blue"] } },
    { tag: "HOME", type: "address" },
  ];
  /** How long an answer takes. */
  delayMs = 0;
  mostAtOnce = 0;
  #atOnce = 0;

  async answer(request: Request, body: string): Promise<Response> {
    this.#atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
    try {
      // Turned away in front of the API.
      if (this.#atOnce > mostConnections) return new Response("<html>Forbidden</html>", { status: 403 });
      if (this.delayMs > 0) await Bun.sleep(this.delayMs);
      return this.#answer(request, body);
    } finally {
      this.#atOnce -= 1;
    }
  }

  /** Somebody who is there before anything is sent. */
  add(email: string, status: string, more: Partial<FakeMember> = {}): FakeMember {
    const made = { email, status, hasEnded: false, merged: {}, tags: new Set<string>(), events: [], ...more };
    this.members.set(hashOf(email), made);
    return made;
  }

  of(email: string): FakeMember | undefined {
    return this.members.get(hashOf(email));
  }

  fields({ email }: Person): Readonly<Record<string, Json>> | null {
    return this.of(email)?.merged ?? null;
  }

  events({ email }: Person): readonly string[] {
    return this.of(email)?.events.map(({ name }) => name) ?? [];
  }

  isMember({ email }: Person, audience: string): boolean {
    return this.of(email)?.tags.has(audience) === true;
  }

  isSuppressed({ email }: Person): boolean {
    return ["unsubscribed", "cleaned"].includes(this.of(email)?.status ?? "");
  }

  isErased({ email }: Person): boolean {
    return this.forgotten.has(hashOf(email));
  }

  #answer(request: Request, body: string): Response {
    const { pathname, searchParams } = new URL(request.url);
    const [user = "", key = ""] = atob(request.headers.get("authorization")?.slice(6) ?? "").split(":");
    if (user === "" || key !== "secret-us21")
      return problem(401, "API Key Invalid", "Your API key may be invalid.");
    const [, version, lists, list, of, hash = "", what, action] = pathname.split("/");
    if (version !== "3.0" || lists !== "lists" || list !== "a1b2c3d4e5") return missing();
    const sent = (body === "" ? {} : JSON.parse(body)) as Sent;
    switch (`${request.method} ${[of, hash === "" ? null : ":", what, action].filter(Boolean).join("/")}`) {
      case "GET merge-fields":
        return Response.json({
          merge_fields: this.fieldsThere.slice(0, Number(searchParams.get("count") ?? 10)),
          list_id: list,
        });
      case "POST merge-fields":
        return this.#makeField(sent as unknown as MergeField);
      case "POST ":
        return this.#many(JSON.parse(body) as { members: Sent[]; update_existing?: boolean });
      case "PUT members/:":
        return this.#put(hash, sent);
      case "PATCH members/:":
        return this.#patch(hash, sent);
      default:
        return this.#ofMember(`${request.method} ${what ?? ""}`, hash, JSON.parse(body === "" ? "{}" : body));
    }
  }

  #ofMember(asked: string, hash: string, body: unknown): Response {
    const found = this.members.get(hash);
    if (found === undefined) return missing();
    switch (asked) {
      case "GET ":
        return shown(found);
      case "DELETE ":
        if (found.status === "archived")
          return problem(405, "Method Not Allowed", "This list member cannot be removed.");
        found.status = "archived";
        return nothing();
      case "POST actions":
        this.members.delete(hash);
        this.forgotten.add(hash);
        return nothing();
      case "POST tags":
        for (const { name, status } of (body as { tags: { name: string; status: string }[] }).tags)
          if (status === "active") found.tags.add(name);
          else found.tags.delete(name);
        return nothing();
      case "POST events": {
        const event = body as FakeMember["events"][number];
        const isGood =
          /^[A-Za-z0-9_-]{2,30}$/.test(event.name) &&
          Object.values(event.properties ?? {}).every((value) => typeof value === "string");
        if (!isGood)
          return problem(400, "Invalid Resource", "The resource submitted could not be validated.");
        found.events.push(event);
        return nothing();
      }
      default:
        return missing();
    }
  }

  #makeField(field: MergeField): Response {
    if (this.fieldsThere.some(({ tag }) => tag === field.tag))
      return problem(400, "Invalid Resource", `A Merge Field with the tag "${field.tag}" already exists.`);
    if (this.fieldsThere.length >= mostFields)
      return problem(400, "Invalid Resource", `You can only have ${mostFields} merge fields.`);
    this.fieldsThere.push(field);
    return Response.json({ merge_id: this.fieldsThere.length, ...field });
  }

  #many({ members, update_existing = false }: { members: Sent[]; update_existing?: boolean }): Response {
    if (members.length > 500) return problem(400, "Invalid Resource", "At most 500 members.");
    const made: object[] = [];
    const updated: object[] = [];
    const errors: object[] = [];
    for (const sent of members) {
      const email = sent.email_address ?? "";
      const there = this.of(email);
      const isThere = there !== undefined && there.status !== "archived";
      const error = isThere && !update_existing ? null : this.#refusal(sent);
      if (isThere && !update_existing)
        errors.push({
          email_address: `"${email}"`,
          error: `${email} is already a list member, do you want to update? please provide update_existing:true in the request body`,
          error_code: "ERROR_CONTACT_EXISTS",
        });
      else if (error !== null) errors.push({ email_address: email, error_code: "ERROR_GENERIC", ...error });
      else {
        const member = there ?? this.add(email, sent.status ?? "subscribed");
        // With update_existing a status is changed as well.
        if (sent.status !== undefined) member.status = sent.status;
        Object.assign(member.merged, this.#known(sent.merge_fields));
        (isThere ? updated : made).push(view(member));
      }
    }
    const counts = { total_created: made.length, total_updated: updated.length, error_count: errors.length };
    return Response.json({ new_members: made, updated_members: updated, errors, ...counts });
  }

  #put(hash: string, sent: Sent): Response {
    const there = this.members.get(hash);
    if (there === undefined) {
      const email = sent.email_address ?? "";
      const status = sent.status ?? sent.status_if_new;
      if (hashOf(email) !== hash || status === undefined || !statuses.includes(status))
        return problem(400, "Invalid Resource", "The resource submitted could not be validated.");
      const error = this.#refusal(sent);
      if (error !== null) return refusal(error);
      const made = this.add(email, status);
      Object.assign(made.merged, this.#known(sent.merge_fields));
      return shown(made);
    }
    return this.#change(there, sent);
  }

  #patch(hash: string, sent: Sent): Response {
    const there = this.members.get(hash);
    if (there === undefined) return missing();
    const to = sent.email_address ?? there.email;
    const isOther = hashOf(to) !== hash;
    if (isOther && this.of(to) !== undefined)
      return problem(
        400,
        "Member Exists",
        `${to} is already a list member. Use PUT to insert or update list members.`,
      );
    if (isOther && there.hasEnded) return inCompliance(there.email);
    const answer = this.#change(there, sent);
    if (isOther && answer.ok) {
      this.members.delete(hash);
      there.email = to;
      this.members.set(hashOf(to), there);
    }
    return answer;
  }

  #change(there: FakeMember, sent: Sent): Response {
    const error = this.#refusal({ ...sent, email_address: "" });
    if (error !== null) return refusal(error);
    const isBack = sent.status === "subscribed" && there.hasEnded;
    if (isBack || (sent.status !== undefined && there.status === "cleaned")) return inCompliance(there.email);
    if (sent.status !== undefined) there.status = sent.status;
    Object.assign(there.merged, this.#known(sent.merge_fields));
    return shown(there);
  }

  /** Tags that there are none of are passed over without a word. */
  #known(merged: Readonly<Record<string, Json>> = {}): Record<string, Json> {
    return Object.fromEntries(
      Object.entries(merged).filter(([tag]) => this.fieldsThere.some((field) => field.tag === tag)),
    );
  }

  #refusal({ email_address: email = "", merge_fields = {} }: Sent): { error: string; field?: string } | null {
    if (this.forgotten.has(hashOf(email)))
      return {
        error: `${email} was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list.`,
      };
    if (email.endsWith("@crowded.example"))
      return {
        error: `${email} has signed up to a lot of lists very recently; we're not allowing more signups for now`,
      };
    for (const [tag, value] of Object.entries(this.#known(merge_fields))) {
      const { type = "" } = this.fieldsThere.find((field) => field.tag === tag) ?? {};
      const isBad =
        value === "poison" ||
        (type === "number" && value !== "" && typeof value !== "number") ||
        (type === "date" &&
          value !== "" &&
          (typeof value !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(value))) ||
        (typeof value === "string" && value.length > 255);
      if (isBad) return { error: "Your merge fields were invalid.", field: tag };
    }
    return null;
  }
}

function hashOf(email: string): string {
  return new Bun.CryptoHasher("md5").update(email.toLowerCase()).digest("hex");
}

function view({ email, status, merged, tags }: FakeMember): object {
  return {
    id: hashOf(email),
    email_address: email,
    status,
    merge_fields: merged,
    tags: [...tags].map((name, id) => ({ id, name })),
  };
}

function shown(member: FakeMember): Response {
  return Response.json(view(member));
}

function nothing(): Response {
  return new Response(null, { status: 204 });
}

function problem(status: number, title: string, detail: string, errors: object[] = []): Response {
  const type = "https://mailchimp.com/developer/marketing/docs/errors/";
  return new Response(JSON.stringify({ type, title, status, detail, instance: "4f1c", errors }), {
    status,
    headers: { "Content-Type": "application/problem+json; charset=utf-8" },
  });
}

function missing(): Response {
  return problem(404, "Resource Not Found", "The requested resource could not be found.");
}

function inCompliance(email: string): Response {
  const detail = `${email} is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.`;
  return problem(400, "Member In Compliance State", detail);
}

function refusal({ error, field }: { error: string; field?: string }): Response {
  const title = error.includes("permanently deleted") ? "Forgotten Email Not Subscribed" : "Invalid Resource";
  return problem(
    400,
    title,
    error,
    field === undefined ? [] : [{ field, message: "Please enter a valid value" }],
  );
}
