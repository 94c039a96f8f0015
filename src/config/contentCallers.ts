/** What `content:` of freshet.yaml says of those who ask for blocks: issuers of tokens, senders of AMP e-mails. */
import { z } from "zod";

/** Signatures that can be checked without being able to make them. */
const algorithms = [
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "PS256",
  "PS384",
  "PS512",
  "RS256",
  "RS384",
  "RS512",
] as const;

const list = (item: z.ZodString, what: string) =>
  z
    .array(item)
    .min(1)
    .max(1_000)
    .optional()
    .meta({ expected: `a list of ${what}` });
const blockName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/);
const idType = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/);

const issuerSchema = z.strictObject({
  issuer: z.string().min(1).max(1_000).meta({ expected: "the token's iss, letter by letter" }),
  audience: z.string().min(1).max(1_000).meta({ expected: "what the token's aud must hold" }),
  keySet: z
    .string()
    .refine(isKeySetUrl)
    .meta({ expected: "the address of its key set (JWKS): https://…, or http:// on this machine" }),
  algorithms: z
    .array(z.enum(algorithms))
    .min(1)
    .meta({ expected: `a list of ${algorithms.join(", ")}` }),
  privateNetwork: z.boolean().default(false),
  test: z.boolean().default(false),
  blocks: list(blockName, "blocks"),
  traits: list(z.string().min(1).max(256), "traits"),
  idTypes: list(idType, "types of identifiers"),
});

/** `content.issuers` */
export const issuersSchema = z
  .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/), issuerSchema)
  .meta({
    description:
      "Whose tokens (JWT) open blocks, by a name of yours: `issuer`, `audience`, `keySet` (the address of its JWKS; `privateNetwork: true` where it lies in one), `algorithms`; and at wish `blocks`, `traits`, `idTypes` that bound what they open, `test: true` for test data.",
    expected: "a map of issuers",
  });

const sender = z
  .string()
  .max(320)
  .regex(/^(\*|[^\s@*,]+)@[a-z0-9-]+(\.[a-z0-9-]+)*$/);

/** `content.ampSenders` */
export const ampSendersSchema = z.array(sender).min(1).max(1_000).meta({
  description:
    "Addresses whose AMP e-mails may ask for blocks, such as `hello@shop.example` or `*@shop.example`.",
  expected: "a list of addresses such as hello@shop.example or *@shop.example",
});

/** Somebody whose tokens open blocks. */
export interface IssuerSetting {
  readonly name: string;
  readonly issuer: string;
  readonly audience: string;
  readonly keySetUrl: string;
  readonly allowsPrivate: boolean;
  readonly algorithms: readonly string[];
  readonly namespace: "live" | "test";
  readonly blocks: readonly string[] | null;
  readonly traits: readonly string[] | null;
  readonly idTypes: readonly string[] | null;
}

/** The issuers as the server uses them. */
export function issuerSettings(section: z.output<typeof issuersSchema> | undefined): IssuerSetting[] {
  return Object.entries(section ?? {}).map(([name, issuer]) => ({
    name,
    issuer: issuer.issuer,
    audience: issuer.audience,
    keySetUrl: issuer.keySet,
    allowsPrivate: issuer.privateNetwork || isOnThisMachine(issuer.keySet),
    algorithms: issuer.algorithms,
    namespace: issuer.test ? "test" : "live",
    blocks: issuer.blocks ?? null,
    traits: issuer.traits ?? null,
    idTypes: issuer.idTypes ?? null,
  }));
}

/** Keys that come in the clear could be anybody's; on this machine nobody stands between. */
function isKeySetUrl(text: string): boolean {
  if (text.length > 2_000 || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || (protocol === "http:" && isOnThisMachine(text));
}

function isOnThisMachine(url: string): boolean {
  const { hostname } = new URL(url);
  return (
    hostname === "localhost" || hostname === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  );
}
