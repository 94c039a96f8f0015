/** Checks a DKIM signature (RFC 6376) as a receiving server would: rsa-sha256, relaxed canonicalisation of head and body. */
import { createHash, createVerify } from "node:crypto";

/** What a signature says, and whether it holds under this public key (PEM). */
export function dkimOf(
  raw: string,
  publicKey: string,
): { readonly tags: Map<string, string>; holds: boolean } {
  const end = raw.indexOf("\r\n\r\n");
  const fields = raw.slice(0, end).split(/\r\n(?![ \t])/);
  const signature = fields.find((field) => /^dkim-signature:/i.test(field)) ?? "";
  const tags = new Map(
    signature
      .slice(signature.indexOf(":") + 1)
      .split(";")
      .map((tag): [string, string] => {
        const at = tag.indexOf("=");
        return [tag.slice(0, at).trim(), tag.slice(at + 1).replace(/\s+/g, "")];
      }),
  );
  const body = raw
    .slice(end + 4)
    .split("\r\n")
    .map((line) => line.replace(/[ \t]+/g, " ").replace(/ $/, ""))
    .join("\r\n")
    .replace(/(?:\r\n)*$/, "\r\n");
  const isWhole = createHash("sha256").update(body, "latin1").digest("base64") === tags.get("bh");
  const signed = (tags.get("h") ?? "").split(":").map((name) => fieldOf(fields, name));
  const bare = relaxed(signature).replace(/([;:] ?b=)[^;]*/, "$1");
  const verify = createVerify("RSA-SHA256").update([...signed, bare].join("\r\n"), "latin1");
  return { tags, holds: isWhole && verify.verify(publicKey, tags.get("b") ?? "", "base64") };
}

function fieldOf(fields: readonly string[], name: string): string {
  return relaxed(fields.findLast((field) => field.toLowerCase().startsWith(`${name.toLowerCase()}:`)) ?? "");
}

function relaxed(field: string): string {
  const at = field.indexOf(":");
  const value = field
    .slice(at + 1)
    .replace(/\r\n/g, "")
    .replace(/[ \t]+/g, " ")
    .trim();
  return `${field.slice(0, at).trim().toLowerCase()}:${value}`;
}
