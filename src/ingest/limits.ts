/** The limits of ingest, in one place (docs/protocol.md, "Limits"). */

/** Largest event, in bytes of its JSON text. */
export const maxEventBytes = 32 * 1024;
/** Most events in a batch. */
export const maxBatchEvents = 2_500;
/** Deepest nesting of an event; its own braces are level 1. */
export const maxDepth = 32;
/** Longest identifier, in UTF-8 bytes. */
export const maxIdBytes = 512;
/** `context` and `integrations` of a batch stand for each of its events and are stored with each, so they are kept small. */
export const maxSharedBytes = 4 * 1024;
/** Largest request body with a write key and with a secret key, in bytes after inflating. */
export const maxWriteKeyBodyBytes = 500 * 1024;
export const maxSecretKeyBodyBytes = 4 * 1024 * 1024;
/** A timestamp may be this far ahead of the server's clock. */
export const maxFutureMs = 5 * 60_000;
