/** The section `content` of freshet.yaml: where the blocks of e-mails lie, and where their links may lead. */
import { resolve } from "node:path";
import { z } from "zod";
import { ampSendersSchema, issuerSettings, issuersSchema, type IssuerSetting } from "./contentCallers.ts";
import { durationPattern, parseDuration } from "../lib/duration.ts";

const defaultKeep = "90d";
const defaultMaxRows = 5_000_000;

const duration = z
  .string()
  .regex(durationPattern)
  .transform((text) => parseDuration(text) ?? 0)
  .meta({ expected: "a duration such as 90d" });

const host = z.string().regex(/^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$/);

/** `content:` */
export const contentSchema = z
  .strictObject({
    folder: z.string().min(1).default("./content").meta({
      description: "Folder of the blocks, from where freshet.yaml lies: one `<block>.liquid` each.",
    }),
    linkHosts: z.array(host).min(1).optional().meta({
      description:
        "Hosts that links and pictures may lead to, such as `shop.example` or `*.shop.example`; without it, any by https.",
    }),
    receipts: z
      .strictObject({
        keep: duration.optional(),
        maxRows: z.int().min(1_000).max(1_000_000_000).optional(),
      })
      .optional()
      .meta({
        description: `How long receipts of what was sent are kept (\`keep\`, ${defaultKeep}), and how many at most (\`maxRows\`, ${defaultMaxRows.toLocaleString("en")}, about 400 bytes each).`,
      }),
    issuers: issuersSchema.optional(),
    ampSenders: ampSendersSchema.optional(),
  })
  .meta({
    description: "Blocks of content for e-mails, rendered at send time.",
    expected: "a map such as { folder: ./content, linkHosts: [shop.example] }",
  });

/** Where blocks lie, and where they may lead to (null: anywhere by https). */
export interface ContentSettings {
  readonly folder: string;
  readonly linkHosts: readonly string[] | null;
  readonly receipts: { readonly keepMs: number; readonly maxRows: number };
  readonly issuers: readonly IssuerSetting[];
  /** Addresses, or `*@` and a domain, whose AMP e-mails may ask. */
  readonly ampSenders: readonly string[];
}

/** The section as the server uses it; `from` is the folder of freshet.yaml. */
export function contentSettings(
  section: z.output<typeof contentSchema> | undefined,
  from: string,
): ContentSettings | null {
  if (section === undefined) return null;
  const { folder, linkHosts, receipts } = section;
  return {
    folder: resolve(from, folder),
    linkHosts: linkHosts ?? null,
    issuers: issuerSettings(section.issuers),
    ampSenders: section.ampSenders ?? [],
    receipts: {
      keepMs: receipts?.keep ?? parseDuration(defaultKeep) ?? 0,
      maxRows: receipts?.maxRows ?? defaultMaxRows,
    },
  };
}

/** Keys of the section and what they are for, for docs. */
export const contentKeys: readonly { readonly key: string; readonly description: string }[] = Object.entries(
  contentSchema.shape,
).map(([key, schema]) => ({ key, description: schema.meta()?.description ?? "" }));
