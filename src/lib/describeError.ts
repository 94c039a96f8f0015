/** What may be written down of an exception. */
export interface ErrorFields {
  /** Its class. */
  readonly errorName: string;
  /** Its code, if it has one of the usual form (`ENOSPC`). */
  readonly errorCode?: string;
  /** Where it was thrown: function names and places. */
  readonly at?: string;
}

/** What may be said of an exception: its class, its code and where it was thrown. Its message may hold input. */
export function describeError(error: unknown): ErrorFields {
  if (!(error instanceof Error)) return { errorName: typeof error };
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const code =
    "code" in error && typeof error.code === "string" && /^[A-Z0-9_]{1,60}$/.test(error.code)
      ? { errorCode: error.code }
      : {};
  return {
    errorName: error.constructor.name,
    at: frames
      .slice(0, 6)
      .map((line) => line.trim().slice(3))
      .join(" < "),
    ...code,
  };
}

/** The same as one short text: `TypeError at fold (src/model/fold.ts:31:5)`. */
export function errorText(error: unknown): string {
  const { errorName, errorCode, at } = describeError(error);
  const place = at?.split(" < ")[0] ?? "";
  return `${errorName}${errorCode === undefined ? "" : ` ${errorCode}`}${place === "" ? "" : ` at ${place}`}`;
}
