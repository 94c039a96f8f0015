/** The section `content` of freshet.yaml: where the blocks of e-mails lie, and where their links may lead. */
import { resolve } from "node:path";
import { z } from "zod";

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
  })
  .meta({
    description: "Blocks of content for e-mails, rendered at send time.",
    expected: "a map such as { folder: ./content, linkHosts: [shop.example] }",
  });

/** Where blocks lie, and where they may lead to (null: anywhere by https). */
export interface ContentSettings {
  readonly folder: string;
  readonly linkHosts: readonly string[] | null;
}

/** The section as the server uses it; `from` is the folder of freshet.yaml. */
export function contentSettings(
  section: z.output<typeof contentSchema> | undefined,
  from: string,
): ContentSettings | null {
  if (section === undefined) return null;
  return { folder: resolve(from, section.folder), linkHosts: section.linkHosts ?? null };
}

/** Keys of the section and what they are for, for docs. */
export const contentKeys: readonly { readonly key: string; readonly description: string }[] = Object.entries(
  contentSchema.shape,
).map(([key, schema]) => ({ key, description: schema.meta()?.description ?? "" }));
