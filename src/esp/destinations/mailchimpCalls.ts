/** Requests to a Mailchimp audience, and what is the same for all of them. */
import { z } from "zod";
import type { Verdict } from "../../model/delivery/verdict.ts";
import type { Answered, OutRequest, ProfileKey } from "../deliver/destination.ts";
import { refused } from "./mailchimpErrors.ts";

const hostPattern = /-([a-z]{2,3}\d{1,4})$/;

export const settings = z
  .strictObject({
    /** Ends in the data centre, such as `-us21`. */
    apiKey: z.string().min(1).max(200),
    /** The audience's id. */
    list: z.string().regex(/^[A-Za-z0-9]{1,40}$/),
    /** What a member is made as, and becomes again once a suppression is lifted. */
    status: z.enum(["subscribed", "pending", "transactional"]).default("transactional"),
    /** Makes merge fields that are missing. */
    createFields: z.boolean().default(false),
    /** Another address than the data centre's, up to `/3.0`; for tests and proxies. */
    url: z
      .string()
      .regex(/^https?:\/\//)
      .max(2_000)
      .optional(),
  })
  .refine(({ apiKey, url }) => url !== undefined || hostPattern.test(apiKey), {
    path: ["apiKey"],
    message: "must end in its data centre, such as -us21",
  });

export type Settings = z.output<typeof settings>;

const memberSchema = z.object({ email_address: z.string(), status: z.string() });

/** A success shows the member. */
export function readMember(answer: Answered): Verdict | null {
  if (answer.status >= 300) return refused(answer);
  memberSchema.parse(JSON.parse(answer.text));
  return { kind: "done" };
}

/** A success says nothing, or at least nothing that breaks off. */
export function readNothing(answer: Answered): Verdict | null {
  if (answer.status >= 300) return refused(answer);
  if (answer.text !== "") JSON.parse(answer.text);
  return { kind: "done" };
}

/** Whether fields are required is a matter of sign-up forms: only what differs is sent. */
export const lenient = "skip_merge_validation=true";

/** The path of a member, known by the MD5 of its address. */
export function member(key: ProfileKey | undefined): string {
  const email = key?.["email"]?.toLowerCase() ?? "";
  return `/members/${new Bun.CryptoHasher("md5").update(email).digest("hex")}`;
}

/** Any user name will do. */
export function credentials(apiKey: string): string {
  return `freshet:${apiKey}`;
}

/** `path` is one of the audience's. */
export function call(
  { apiKey, list, url }: Settings,
  method: string,
  path: string,
  body: object | null = null,
): OutRequest {
  const host =
    url?.replace(/\/+$/, "") ?? `https://${hostPattern.exec(apiKey)?.[1] ?? ""}.api.mailchimp.com/3.0`;
  return {
    method,
    url: `${host}/lists/${list}${path}`,
    headers: {
      Authorization: `Basic ${Buffer.from(credentials(apiKey)).toString("base64")}`,
      Accept: "application/json",
      ...(body === null ? {} : { "Content-Type": "application/json" }),
    },
    body: body === null ? null : JSON.stringify(body),
  };
}
