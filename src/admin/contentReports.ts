/** What the operations on content tell. */
import type { Reach, Snippet } from "../esp/vendors/vendor.ts";
import type { PreviewValue } from "../esp/content/previewValue.ts";

/** What somebody got, when, and from which values. */
export interface ReceiptReport {
  readonly receipt: string;
  readonly at: string;
  readonly profileId: string | null;
  readonly block: string;
  readonly version: string;
  readonly servedFrom: string | null;
  readonly reason: string | null;
  readonly caller: string;
  readonly traits: Readonly<
    Record<string, { readonly servedFrom: string | null; readonly ageMs: number | null }>
  >;
}

/** What was sent, made again from history. */
export type ReceiptAgain =
  | { readonly kind: "rendered"; readonly same: boolean; readonly html: string; readonly text: string }
  | { readonly kind: "notPossible"; readonly why: string };

/** A block as it would be sent. */
export interface ContentPreview {
  readonly version: string;
  readonly servedFrom: string | null;
  readonly reason: string | null;
  readonly html: string;
  readonly text: string;
  /** The HTML with `<mark data-trait>` where values stand. */
  readonly marked: string;
  readonly values: readonly PreviewValue[];
  readonly answer: Readonly<Record<string, unknown>>;
}

/** A block that serves, or why its file can't be used. */
export interface ContentBlockLine {
  readonly name: string;
  /** Null: there is none that serves. */
  readonly version: string | null;
  readonly needs: readonly string[];
  /** Null: the file is as it should be. */
  readonly problem: string | null;
}

/** A block with its text. */
export interface ContentBlockReport extends ContentBlockLine {
  readonly source: string;
  /** Segments that have a fallback of their own. */
  readonly fallbackSegments: readonly string[];
  /** That were sent, the newest first. */
  readonly versions: readonly { readonly version: string; readonly firstAt: string }[];
}

/** What to paste into an ESP for a block. */
export interface EspSnippet extends Snippet {
  readonly esp: string;
  readonly name: string;
  readonly reach: Reach;
  readonly how: string;
}
