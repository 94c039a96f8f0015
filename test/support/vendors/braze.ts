/** Braze as its reference tells of it, as far as the destination speaks to it. */
import type { Json } from "../../../src/model/event.ts";
import type { DestinationFake, Person } from "../../conformance/destination.ts";

interface Alias {
  readonly alias_name: string;
  readonly alias_label: string;
}

interface Name {
  readonly external_id?: string;
  readonly email?: string;
  readonly user_alias?: Alias;
  readonly _update_existing_only?: boolean;
}

interface User {
  external_id: string | null;
  readonly aliases: Set<string>;
  fields: Record<string, Json>;
  readonly events: string[];
}

interface Recipient extends Name {
  readonly external_user_id?: string;
  readonly send_to_existing_only?: boolean;
  readonly attributes?: Readonly<Record<string, Json>>;
}

type Body = Readonly<Record<string, never>>;

const profileFields: ReadonlySet<string> = new Set([
  "first_name",
  "last_name",
  "email",
  "country",
  "time_zone",
  "email_subscribe",
]);

/** What a read-back asks an export for. */
export const exportedFields = [
  "external_id",
  "country",
  "dob",
  "email",
  "email_subscribe",
  "first_name",
  "gender",
  "home_city",
  "language",
  "last_name",
  "phone",
  "push_subscribe",
  "time_zone",
  "last_coordinates",
  "custom_attributes",
] as const;

export class BrazeFake implements DestinationFake {
  /** Attributes that were charged for. */
  billed = 0;
  /** Messages that went out: the campaign, and whom they reached. */
  readonly messages: { readonly campaign: string; readonly to: string }[] = [];
  #users: User[] = [];
  readonly #states = new Map<string, string>();
  readonly #erased = new Set<string>();
  readonly #sendIds = new Set<string>();

  answer(request: Request, text: string): Response {
    const { pathname } = new URL(request.url);
    if (request.headers.get("authorization") !== "Bearer braze-secret")
      return refusal(401, "Error authenticating credentials");
    const body = JSON.parse(text) as Body;
    const campaign = /^\/transactional\/v1\/campaigns\/([^/]+)\/send$/.exec(pathname)?.[1];
    if (campaign !== undefined) return this.#transactional(campaign, body);
    switch (`${request.method} ${pathname}`) {
      case "POST /users/track":
        return this.#track(body);
      case "POST /users/identify":
        return this.#identify(body);
      case "POST /users/delete":
        return this.#delete(body);
      case "POST /users/export/ids":
        return this.#export(body);
      case "POST /email/status": {
        const { email, subscription_state } = body as unknown as {
          readonly email: string | readonly string[];
          readonly subscription_state: string;
        };
        const emails = typeof email === "string" ? [email] : email;
        if (emails.length > 50) return refusal(400, "too many email addresses");
        for (const one of emails) this.#states.set(one, subscription_state);
        return Response.json({ message: "success" }, { status: 201 });
      }
      case "POST /campaigns/trigger/send":
        return this.#triggered(body);
      default:
        return refusal(404, "Not Found");
    }
  }

  fields({ userId, email }: Person): Readonly<Record<string, Json>> | null {
    const found = this.#find({ external_id: userId }) ?? this.#find({ email });
    return found?.fields ?? null;
  }

  events({ userId }: Person): readonly string[] {
    return this.#find({ external_id: userId })?.events ?? [];
  }

  isMember({ userId }: Person, audience: string): boolean {
    return this.#find({ external_id: userId })?.fields[`segment_${audience}`] === true;
  }

  isSuppressed({ email }: Person): boolean {
    return this.#states.get(email) === "unsubscribed";
  }

  isErased({ userId, email }: Person): boolean {
    return this.#erased.has(userId) || this.#erased.has(email);
  }

  /** How many people there are. */
  get size(): number {
    return this.#users.length;
  }

  #track(body: Body): Response {
    const { attributes = [], events = [] } = body as unknown as {
      readonly attributes?: readonly (Name & Record<string, Json>)[];
      readonly events?: readonly (Name & { readonly name: string; readonly time: string })[];
    };
    if (attributes.length + events.length > 75) return refusal(400, "Max Input Length Exceeded");
    const errors: object[] = [];
    for (const [
      index,
      { external_id, user_alias, _update_existing_only, ...fields },
    ] of attributes.entries()) {
      const email = fields["email"];
      const name: Name = {
        ...(external_id === undefined ? {} : { external_id }),
        ...(user_alias === undefined ? {} : { user_alias }),
        ...(typeof email === "string" ? { email } : {}),
      };
      if (Object.keys(name).length === 0)
        errors.push({ index, input_array: "attributes", type: "'external_id', … or 'email' is required" });
      else if (fields["plan"] === "poison")
        errors.push({ index, input_array: "attributes", type: "'plan' is not valid" });
      else this.#set(this.#find(name) ?? this.#make(name, _update_existing_only ?? true), fields);
    }
    for (const [index, { name, time, ...who }] of events.entries())
      if (Number.isNaN(Date.parse(time)))
        errors.push({ index, input_array: "events", type: "'time' is not a valid time" });
      // Of an alias that it does not know it keeps nothing, and says nothing.
      else (this.#find(who) ?? this.#make(who, true))?.events.push(name);
    if (errors.length > 0 && errors.length === attributes.length + events.length)
      return Response.json(
        {
          message: "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields.",
          errors,
        },
        { status: 400 },
      );
    const processed =
      attributes.length === 0 ? {} : { attributes_processed: attributes.length - errors.length };
    return Response.json(
      { message: "success", ...processed, ...(errors.length === 0 ? {} : { errors }) },
      { status: 201 },
    );
  }

  #find({ external_id, user_alias, email }: Name): User | undefined {
    if (external_id !== undefined) return this.#users.find((user) => user.external_id === external_id);
    if (user_alias !== undefined) return this.#users.find((user) => user.aliases.has(aliasOf(user_alias)));
    const same = this.#users.filter(({ fields }) => fields["email"] === email);
    return same.find((user) => user.external_id !== null) ?? same[0];
  }

  #make({ external_id, user_alias, email }: Name, isUpdateOnly: boolean): User | undefined {
    if (external_id === undefined && user_alias !== undefined && isUpdateOnly) return undefined;
    const aliases = user_alias === undefined ? [] : [aliasOf(user_alias)];
    const fields = external_id === undefined && email !== undefined ? { email } : {};
    const user: User = { external_id: external_id ?? null, aliases: new Set(aliases), fields, events: [] };
    this.#users.push(user);
    return user;
  }

  #set(user: User | undefined, fields: Readonly<Record<string, Json>>): void {
    if (user === undefined) return;
    for (const [name, value] of Object.entries(fields)) {
      if (name !== "email" && name !== "email_subscribe") this.billed += 1;
      if (value === null) delete user.fields[name];
      else user.fields[name] = value;
    }
    const { email, email_subscribe: state } = user.fields;
    if (typeof email === "string" && typeof state === "string") this.#states.set(email, state);
  }

  #identify(body: Body): Response {
    const { aliases_to_identify: aliases = [], emails_to_identify: emails = [] } = body as unknown as {
      readonly aliases_to_identify?: readonly (Name & { readonly external_id: string })[];
      readonly emails_to_identify?: readonly (Name & { readonly external_id: string })[];
    };
    if (aliases.length + emails.length > 50) return refusal(400, "too many");
    const errors: string[] = [];
    for (const { external_id, user_alias, email } of [...aliases, ...emails]) {
      const was = this.#users.find(
        (user) =>
          user.external_id === null &&
          (user_alias === undefined ? user.fields["email"] === email : user.aliases.has(aliasOf(user_alias))),
      );
      const now = this.#find({ external_id });
      if (was === undefined) errors.push("The user to identify does not exist.");
      else if (now === undefined) was.external_id = external_id;
      else {
        now.fields = { ...was.fields, ...now.fields };
        now.events.push(...was.events);
        this.#users = this.#users.filter((user) => user !== was);
      }
    }
    return Response.json({ message: "success", ...(errors.length === 0 ? {} : { errors }) }, { status: 201 });
  }

  #delete(body: Body): Response {
    const {
      external_ids = [],
      email_addresses = [],
      user_aliases = [],
    } = body as unknown as {
      readonly external_ids?: readonly string[];
      readonly email_addresses?: readonly string[];
      readonly user_aliases?: readonly Alias[];
    };
    if (Object.keys(body).length !== 1) return refusal(400, "one kind of identifier a request");
    if (external_ids.length + email_addresses.length + user_aliases.length > 50)
      return refusal(400, "The max number of ids per request was exceeded");
    for (const name of [...external_ids, ...email_addresses]) this.#erased.add(name);
    const before = this.#users.length;
    const aliases = user_aliases.map(aliasOf);
    this.#users = this.#users.filter(
      ({ external_id, fields: { email }, aliases: own }) =>
        !(external_id !== null && external_ids.includes(external_id)) &&
        !(typeof email === "string" && email_addresses.includes(email)) &&
        !aliases.some((alias) => own.has(alias)),
    );
    return Response.json({ message: "success", deleted: before - this.#users.length }, { status: 201 });
  }

  #export(body: Body): Response {
    const {
      external_ids = [],
      user_aliases = [],
      email_address,
    } = body as unknown as {
      readonly external_ids?: readonly string[];
      readonly user_aliases?: readonly Alias[];
      readonly email_address?: string;
    };
    const found = [
      ...external_ids.map((external_id) => this.#find({ external_id })),
      ...user_aliases.map((user_alias) => this.#find({ user_alias })),
      ...(email_address === undefined ? [] : [this.#find({ email: email_address })]),
    ].flatMap((user) => (user === undefined ? [] : [user]));
    const users = found.map(({ external_id, fields }) => {
      const { current_location: place, ...rest } = fields;
      const all = Object.entries(rest);
      const { longitude = null, latitude = null } = (place ?? {}) as Readonly<Record<string, Json>>;
      return {
        ...(external_id === null ? {} : { external_id }),
        ...Object.fromEntries(all.filter(([name]) => profileFields.has(name))),
        ...(longitude === null ? {} : { last_coordinates: [longitude, latitude] }),
        custom_attributes: Object.fromEntries(all.filter(([name]) => !profileFields.has(name))),
      };
    });
    return Response.json({ message: "success", users }, { status: 201 });
  }

  #triggered(body: Body): Response {
    const { campaign_id, recipients } = body as unknown as {
      readonly campaign_id: string;
      readonly recipients: readonly Recipient[];
    };
    if (campaign_id === "unknown") return refusal(400, "Invalid Campaign ID");
    for (const one of recipients) this.#reach(campaign_id, one, one.send_to_existing_only ?? true);
    return Response.json({ dispatch_id: "dispatch-1", message: "success" }, { status: 201 });
  }

  #transactional(campaign: string, body: Body): Response {
    const { external_send_id, recipient } = body as unknown as {
      readonly external_send_id: string;
      readonly recipient: Recipient;
    };
    if (!/^[a-zA-Z0-9-_+/=]+$/.test(external_send_id)) return refusal(400, "external_send_id is not valid");
    if (this.#sendIds.has(external_send_id))
      return refusal(400, "The external reference has been queued.  Please retry to obtain send_id.");
    this.#sendIds.add(external_send_id);
    this.#reach(campaign, recipient, recipient.attributes === undefined);
    return Response.json({ dispatch_id: "dispatch-2", status: "sent", metadata: {} }, { status: 201 });
  }

  /** Whom it does not know, and may not make, gets nothing; the answer is the same. */
  #reach(campaign: string, { external_user_id, ...who }: Recipient, isExistingOnly: boolean): void {
    const name: Name = external_user_id === undefined ? who : { external_id: external_user_id };
    const user = this.#find(name) ?? (isExistingOnly ? undefined : this.#make(name, false));
    if (user === undefined) return;
    this.#set(user, who.attributes ?? {});
    const { email } = user.fields;
    if (typeof email === "string") this.messages.push({ campaign, to: email });
  }
}

function aliasOf({ alias_name, alias_label }: Alias): string {
  return `${alias_label} ${alias_name}`;
}

function refusal(status: number, message: string): Response {
  return Response.json({ message }, { status });
}
