/** What came of a request to a destination, and what is done about it. Pure. */

/** What is to be done where an answer has that status. */
export type ErrorClass =
  /** Passing: the same again, later. */
  | "retry"
  /** The credentials are out of date: get new ones, once. */
  | "refresh"
  /** This row can never be taken: it becomes a dead letter. */
  | "drop"
  /** One of the rows is at fault, or they are too many: in halves. */
  | "split"
  /** Nothing will be taken before an operator acts. */
  | "stop"
  /** It was taken; such as a conflict with what was sent before. */
  | "done";

/** What came of one row. */
export type RowVerdict =
  | { readonly kind: "done" }
  /** It was not taken, for a passing reason. */
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs?: number }
  | { readonly kind: "drop"; readonly reason: string }
  /** Whether it was taken can't be known. */
  | { readonly kind: "unknown"; readonly reason: string };

/** What came of a request. */
export type Verdict =
  | RowVerdict
  /** Each row for itself, in the order of the rows. */
  | { readonly kind: "rows"; readonly rows: readonly RowVerdict[] }
  /** It was taken in and is worked on; the result is asked for by that id. */
  | { readonly kind: "job"; readonly id: string; readonly afterMs?: number }
  | { readonly kind: "refresh" | "split" | "stop"; readonly reason: string };

const classes: Readonly<Record<number, ErrorClass>> = {
  400: "split",
  401: "refresh",
  402: "stop",
  403: "stop",
  404: "stop",
  405: "stop",
  408: "retry",
  409: "retry",
  410: "stop",
  413: "split",
  414: "split",
  415: "stop",
  422: "split",
  423: "retry",
  425: "retry",
  429: "retry",
};

/** The usual meaning of a status; `own` has what a destination means otherwise. */
export function errorClass(status: number, own: Readonly<Record<number, ErrorClass>> = {}): ErrorClass {
  const named = own[status] ?? classes[status];
  if (named !== undefined) return named;
  if (status >= 500) return "retry";
  if (status >= 400) return "split";
  // A redirect is not followed: the address is wrong.
  return status >= 300 ? "stop" : "done";
}
