/** What the page hears of ESPs. */

/** How an ESP gets at content. */
type Reach = "perRecipient" | "shared" | "workflow" | "push";

export interface EspLine {
  readonly id: string;
  readonly name: string;
  readonly reach: Reach;
  readonly how: string;
}

/** GET /admin/api/content/esps */
export interface EspsAnswer {
  readonly esps: readonly EspLine[];
  readonly nextCursor: null;
}

/** GET /admin/api/content/snippet */
export interface SnippetAnswer {
  readonly name: string;
  readonly reach: Reach;
  readonly how: string;
  readonly parts: readonly { readonly title: string; readonly where: string; readonly code: string }[];
  readonly notes: readonly string[];
  readonly rules: readonly {
    readonly id: string;
    readonly says: string;
    /** Null: not confirmed by a page of the vendor. */
    readonly source: { readonly url: string; readonly read: string } | null;
  }[];
}
