/** A short stand-in for a text: equal texts have equal ones, others differ. */

const kept = 12;

/** 96 bits of the text's SHA-256, in 16 characters. */
export function fingerprint(text: string): string {
  const digest = new Uint8Array(Bun.SHA256.byteLength);
  Bun.SHA256.hash(text, digest);
  return digest.subarray(0, kept).toBase64({ alphabet: "base64url" });
}
