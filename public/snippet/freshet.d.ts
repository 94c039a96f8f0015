/** Types of the browser snippet, /v1/freshet.js. Copy this file into your project, or reference it. */

/** Data of your own: anything that JSON can hold. */
export type FreshetData = Readonly<Record<string, unknown>>;

/** What the snippet puts into `window.freshet`. */
export interface Freshet {
  /** A page was seen. Sent by itself on load and when a single-page app moves on, unless data-pages="manual". */
  page(properties?: FreshetData): void;
  page(name: string, properties?: FreshetData): void;
  /** Something was done. */
  track(event: string, properties?: FreshetData): void;
  /** Who this is, from now on; or only what is known of them. */
  identify(userId: string | number, traits?: FreshetData): void;
  identify(traits: FreshetData): void;
  /** `userId` is the same person as `previousId` (by default, whoever was here until now). */
  alias(userId: string, previousId?: string): void;
  /** Forgets who this was, at sign-out: a new anonymous id, no user id. What waits to be sent is still sent. */
  reset(): void;
  /** true: send and remember from now on. false: stop, and delete all that was stored here. */
  consent(granted: boolean): void;
  /** The id of this browser; null while nothing may be stored. */
  anonymousId(): string | null;
  /** Sends what waits, now. Resolves when the server has it or can't be reached; never rejects. */
  flush(): Promise<void>;
  /** The same calls as arrays, which also works before the snippet has loaded: `push(["track", "Signed Up"])`. */
  push(...calls: readonly FreshetCall[]): void;
}

/** A call as an array: the method's name and its arguments. */
export type FreshetCall =
  | readonly ["page", (string | FreshetData)?, FreshetData?]
  | readonly ["track", string, FreshetData?]
  | readonly ["identify", string | number | FreshetData, FreshetData?]
  | readonly ["alias", string, string?]
  | readonly ["reset"]
  | readonly ["consent", boolean];

declare global {
  interface Window {
    /** An array until the snippet has loaded. */
    freshet?: Freshet | FreshetCall[];
  }
}
