/** What the page is told of content. */
import type {
  ContentBlockLine,
  ContentBlockReport,
  ContentPreview,
  ReceiptReport,
} from "../contentReports.ts";
import type { PreflightReport } from "../../esp/content/preflightReport.ts";

export interface ContentAnswer {
  readonly blocks: readonly ContentBlockLine[];
  readonly nextCursor: null;
}

export interface ContentBlockAnswer extends ContentBlockReport {
  /** Destinations that can send a test. */
  readonly senders: readonly string[];
}

/** A preview; `problem` says why a draft can't be used, and then there is none. */
export type ContentPreviewAnswer =
  | {
      readonly kind: "shown";
      readonly preview: Omit<ContentPreview, "answer" | "marked">;
      /** Paths of the e-mail as it would be sent, and with its values marked, for frames. */
      readonly frame: string;
      readonly markedFrame: string;
    }
  | { readonly kind: "problem"; readonly problem: string };

/** A preflight that was begun from the page, or the last one. */
export interface PreflightJobAnswer {
  readonly block: string;
  /** Null: everybody. */
  readonly segment: string | null;
  readonly progress: number;
  readonly report: PreflightReport | null;
  /** Why it could not be done. */
  readonly problem: string | null;
}

export interface ReceiptsAnswer {
  readonly receipts: readonly ReceiptReport[];
  readonly nextCursor: null;
}

/** What was sent, made again. */
export interface ReceiptAnswer {
  readonly receipt: ReceiptReport;
  /** Why it can't be made again. */
  readonly why: string | null;
  readonly same: boolean;
  /** Path for a frame; null where it can't be made. */
  readonly frame: string | null;
}
