/** What the operations take that make content ready for ESPs: credentials for URLs, keys that sign, snippets. */
import { z } from "zod";

const namespace = z.enum(["live", "test"]);
const blockName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/);
const blocks = z.array(blockName).min(1).max(32);
const named = z.strictObject({ type: z.string().min(1).max(64), value: z.string().min(1).max(2_048) });
/** Null: the only key that can sign. */
const keyId = z.string().max(64).nullable();

export const tokenParams = {
  "content.token": z.strictObject({
    namespace,
    keyId,
    blocks,
    /** Null: for everybody. */
    as: named.nullable(),
  }),
  "content.link": z.strictObject({
    namespace,
    keyId,
    block: blockName,
    /** As it is to stand in the link; null: for everybody. */
    id: z.string().min(1).max(2_048).nullable(),
    expiresInMs: z.int().min(1_000),
  }),
  "content.tokens": z.strictObject({ namespace, keyId, blocks, idType: z.string().min(1).max(64) }),
  "content.snippet": z.strictObject({
    esp: z.string().max(64),
    block: z.string().max(64),
    /** Where the ESP reaches this server; null: at its public URL. */
    url: z.string().max(2_000).nullable(),
  }),
  "keys.rotateSigning": z.strictObject({ dropsOthers: z.boolean() }),
} as const;
