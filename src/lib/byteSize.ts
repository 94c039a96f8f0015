/** Sizes as people write them: a whole number and a binary unit, `64MB` being 64 × 1,048,576 bytes. */
const unitBytes: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };

/** The form of a size, for schemas. */
export const byteSizePattern = /^\d{1,12}(B|KB|MB|GB)$/;

/** Bytes of a written size, or null if it is not one. */
export function parseByteSize(text: string): number | null {
  const match = /^(\d{1,12})(B|KB|MB|GB)$/.exec(text);
  if (match === null) return null;
  const bytes = Number(match[1]) * (unitBytes[match[2] ?? ""] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : null;
}
