/** A short stand-in for a text: equal texts have equal ones, others differ. */

/** Characters, of six bits each. */
const kept = 16;

/** 96 bits of the text's SHA-256, in 16 characters. */
export function fingerprint(text: string): string {
  const digest = new Uint8Array(Bun.SHA256.byteLength);
  Bun.SHA256.hash(text, digest);
  return digest.toBase64({ alphabet: "base64url" }).slice(0, kept);
}
