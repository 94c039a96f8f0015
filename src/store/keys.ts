/** API keys as rows of the journal. */
import type { KeyInfo, Scope } from "../model/key.ts";
import { scopes as allScopes } from "../model/key.ts";
import type { Journal } from "./journal.ts";
import type { KeyRow } from "./messages.ts";

const keyColumns =
  "id, kind, namespace, source, trust, scopes, readable_traits, blocks, id_types, write_key, secret_sha256, created_at_ms, revoked_at_ms";

interface StoredKey {
  readonly id: string;
  readonly kind: "write" | "secret";
  readonly namespace: "live" | "test";
  readonly source: string;
  readonly trust: "browser" | "server";
  readonly scopes: string;
  readonly readable_traits: string | null;
  readonly blocks: string | null;
  readonly id_types: string | null;
  readonly write_key: string | null;
  readonly secret_sha256: string | null;
  readonly created_at_ms: number;
  readonly revoked_at_ms: number | null;
}

/** Every key, revoked ones too, oldest first. */
export function listKeys(journal: Pick<Journal, "database">): KeyRow[] {
  const rows = journal.database
    .query<StoredKey, []>(`SELECT ${keyColumns} FROM keys ORDER BY created_at_ms, id`)
    .all();
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    namespace: row.namespace,
    source: row.source,
    trust: row.trust,
    scopes: JSON.parse(row.scopes) as string[],
    readableTraits: listIn(row.readable_traits),
    blocks: listIn(row.blocks),
    idTypes: listIn(row.id_types),
    writeKey: row.write_key,
    secretSha256: row.secret_sha256,
    createdAtMs: row.created_at_ms,
    revokedAtMs: row.revoked_at_ms,
  }));
}

function listIn(text: string | null): readonly string[] | null {
  return text === null ? null : (JSON.parse(text) as string[]);
}

function textOf(list: readonly string[] | null): string | null {
  return list === null ? null : JSON.stringify(list);
}

/** Stores a key; an existing one with the same id is replaced (keys from configuration come with every start). */
export function insertKey(journal: Journal, key: KeyRow): void {
  journal.database
    .query(`INSERT OR REPLACE INTO keys (${keyColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
    .run(
      key.id,
      key.kind,
      key.namespace,
      key.source,
      key.trust,
      JSON.stringify(key.scopes),
      textOf(key.readableTraits),
      textOf(key.blocks),
      textOf(key.idTypes),
      key.writeKey,
      key.secretSha256,
      key.createdAtMs,
      key.revokedAtMs,
    );
}

/** Revokes a key; false if there is no such key in force. */
export function revokeKey(journal: Journal, id: string, nowMs: number): boolean {
  return (
    journal.database
      .query("UPDATE keys SET revoked_at_ms = ? WHERE id = ? AND revoked_at_ms IS NULL")
      .run(nowMs, id).changes > 0
  );
}

/** The key as the rest of the program sees it. */
export function keyInfo(row: KeyRow): KeyInfo {
  const scopes = row.scopes.filter((scope): scope is Scope =>
    (allScopes as readonly string[]).includes(scope),
  );
  return {
    id: row.id,
    kind: row.kind,
    namespace: row.namespace,
    source: row.source,
    trust: row.trust,
    scopes,
    readableTraits: row.readableTraits,
    blocks: row.blocks,
    idTypes: row.idTypes,
  };
}
