/**
 * Receipts of content as rows of ops.db: what was given to whom, when, from which values. The texts of the blocks stand
 * beside them, once a version, so that an answer can be made again. A recipient who was not known is kept as a hash.
 */
import type { Database, SqlValue } from "../sqlite.ts";

/** One answer. Times in milliseconds. */
export interface ReceiptRow {
  /** Grows with time; the receipt's name is made of it. */
  readonly id: number;
  readonly atMs: number;
  readonly namespace: "live" | "test";
  /** Null: a recipient who was not known, or a block for everybody. */
  readonly profileId: string | null;
  /** The profile's version that was read. */
  readonly profileVersion: number | null;
  /** A hash of the identifier that was asked for, where nobody has it. */
  readonly askedHash: string | null;
  readonly block: string;
  readonly blockVersion: string;
  readonly form: "json" | "html" | "text";
  /** The asker had it already. */
  readonly notModified: boolean;
  readonly servedFrom: string | null;
  readonly reason: string | null;
  /** Of the HTML and the text. */
  readonly contentHash: string;
  /** The key, token or signing key that asked. */
  readonly caller: string;
  /** By trait: where it came from, when it was set (null: no age). */
  readonly traits: Readonly<Record<string, readonly [servedFrom: string | null, updatedAtMs: number | null]>>;
}

/** All that decides what a block renders. */
export interface BlockText {
  readonly block: string;
  readonly version: string;
  readonly source: string;
  /** Names and texts, as JSON. */
  readonly partials: string;
  readonly linkHosts: readonly string[] | null;
}

/** A profile that is part of another one now, under which its receipts are found too. */
export interface Inheritance {
  readonly profile: string;
  readonly heir: string;
}

/** Which receipts are meant; newest first. */
export interface ReceiptQuery {
  readonly namespace: "live" | "test";
  /** Null: everybody's. */
  readonly profileId: string | null;
  readonly block: string | null;
  /** Receipts with an id below this; null: from the newest. */
  readonly beforeId: number | null;
  /** And not older than this one. */
  readonly fromId: number;
  readonly limit: number;
}

/** How long they are kept. */
export interface ReceiptRetention {
  readonly keepMs: number;
  readonly maxRows: number;
}

const columns =
  "id, at_ms, namespace, profile_id, profile_version, asked_hash, block, block_version, form, not_modified, served_from, reason, content_hash, caller, traits";
const insertReceipt = `INSERT OR IGNORE INTO receipt (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const insertBlock =
  "INSERT OR IGNORE INTO block_text (block, version, source, partials, link_hosts, first_at_ms) VALUES (?, ?, ?, ?, ?, ?)";
const selectById = `SELECT ${columns} FROM receipt WHERE id = ?`;
const selectOfProfile = `SELECT ${columns} FROM receipt WHERE profile_id IN (SELECT ?1 UNION ALL SELECT profile FROM receipt_heir WHERE heir = ?1) AND id < ?2 AND id >= ?3 ORDER BY id DESC LIMIT ?4`;
const selectAll = `SELECT ${columns} FROM receipt WHERE id < ? AND id >= ? ORDER BY id DESC LIMIT ?`;
const selectBlock =
  "SELECT block, version, source, partials, link_hosts FROM block_text WHERE block = ? AND version = ?";
const selectVersions =
  "SELECT version, first_at_ms FROM block_text WHERE block = ? ORDER BY first_at_ms DESC LIMIT ?";
const selectNewestId = "SELECT max(id) AS id FROM receipt";
const selectRows = "SELECT count(*) AS rows FROM receipt";
const deleteBefore =
  "DELETE FROM receipt WHERE id IN (SELECT id FROM receipt WHERE id < ? ORDER BY id LIMIT ?)";
const deleteOfProfile =
  "DELETE FROM receipt WHERE profile_id = ?1 OR profile_id IN (SELECT profile FROM receipt_heir WHERE heir = ?1)";
const deleteHeirs = "DELETE FROM receipt_heir WHERE heir = ?1 OR profile = ?1";
const deleteAsked = "DELETE FROM receipt WHERE asked_hash = ?";
const passOn = "UPDATE receipt_heir SET heir = ? WHERE heir = ?";
const inherit =
  "INSERT OR REPLACE INTO receipt_heir (profile, heir) SELECT ?2, ?1 WHERE EXISTS (SELECT 1 FROM receipt WHERE profile_id = ?2)";
const disinherit = "DELETE FROM receipt_heir WHERE profile = ?";

/** Rows looked through for one page where a filter has no index. */
const maxScanned = 20_000;
/** Rows that one call takes away at most, so that no flush waits for long. */
const trimAtOnce = 2_000;
const maxVersionsListed = 100;

interface Row {
  readonly id: number;
  readonly at_ms: number;
  readonly namespace: "live" | "test";
  readonly profile_id: string | null;
  readonly profile_version: number | null;
  readonly asked_hash: string | null;
  readonly block: string;
  readonly block_version: string;
  readonly form: ReceiptRow["form"];
  readonly not_modified: number;
  readonly served_from: string | null;
  readonly reason: string | null;
  readonly content_hash: string;
  readonly caller: string;
  readonly traits: string;
}

export class ReceiptTable {
  readonly #database: Database;
  #rows: number | null = null;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Writes answers and the blocks they are of, in one commit, and lets go of what is too old. `receipts`: a JSON array of
   * rows, since a text is handed from thread to thread for less than what it stands for. `heirs`: of those who merged meanwhile.
   */
  write(
    receipts: string,
    blocks: readonly BlockText[],
    heirs: readonly Inheritance[],
    retention: ReceiptRetention,
  ): void {
    const rows = JSON.parse(receipts) as readonly ReceiptRow[];
    this.#rows ??= this.#database.query<{ rows: number }, []>(selectRows).get()?.rows ?? 0;
    this.#database.transaction(() => {
      const block = this.#database.query(insertBlock);
      for (const { block: name, version, source, partials, linkHosts } of blocks)
        block.run(name, version, source, partials, JSON.stringify(linkHosts), rows[0]?.atMs ?? 0);
      const receipt = this.#database.query(insertReceipt);
      for (const row of rows) receipt.run(...valuesOf(row));
      for (const { profile, heir } of heirs) inheritReceipts(this.#database, profile, heir);
    })();
    this.#rows += rows.length;
    this.#trim(rows.at(-1)?.atMs ?? 0, retention);
  }

  /** The id after which new ones must come; 0: there are none. */
  newestId(): number {
    return this.#database.query<{ id: number | null }, []>(selectNewestId).get()?.id ?? 0;
  }

  byId(id: number): ReceiptRow | null {
    const row = this.#database.query<Row, [number]>(selectById).get(id);
    return row === null ? null : receiptOf(row);
  }

  /** A page, and where the next one begins (null: there is none). Looks through a bounded number of rows. */
  page(query: ReceiptQuery): {
    readonly receipts: readonly ReceiptRow[];
    readonly nextBeforeId: number | null;
  } {
    const { namespace, block, limit, fromId } = query;
    const receipts: ReceiptRow[] = [];
    let beforeId = query.beforeId ?? Number.MAX_SAFE_INTEGER;
    for (let scanned = 0; scanned < maxScanned;) {
      const rows = this.#before(query.profileId, beforeId, fromId);
      for (const row of rows) {
        beforeId = row.id;
        if (row.namespace !== namespace || (block !== null && row.block !== block)) continue;
        receipts.push(receiptOf(row));
        if (receipts.length === limit) return { receipts, nextBeforeId: beforeId };
      }
      if (rows.length < pageRows) return { receipts, nextBeforeId: null };
      scanned += rows.length;
    }
    return { receipts, nextBeforeId: beforeId };
  }

  blockText(block: string, version: string): BlockText | null {
    const row = this.#database.query<BlockRow, [string, string]>(selectBlock).get(block, version);
    if (row === null) return null;
    const { link_hosts, ...text } = row;
    return { ...text, linkHosts: JSON.parse(link_hosts) as string[] | null };
  }

  /** Versions of a block that were sent, the newest first. */
  blockVersions(block: string): readonly { readonly version: string; readonly firstAtMs: number }[] {
    return this.#database
      .query<{ version: string; first_at_ms: number }, [string, number]>(selectVersions)
      .all(block, maxVersionsListed)
      .map(({ version, first_at_ms }) => ({ version, firstAtMs: first_at_ms }));
  }

  /** Takes a person's receipts away; `askedHashes`: of identifiers that were asked for while nobody had them. */
  eraseProfile(profileId: string, askedHashes: readonly string[] = []): void {
    this.#database.transaction(() => {
      eraseReceipts(this.#database, profileId);
      for (const hash of askedHashes) this.#database.query(deleteAsked).run(hash);
    })();
    this.#rows = null;
  }

  #before(profileId: string | null, beforeId: number, fromId: number): Row[] {
    return profileId === null
      ? this.#database.query<Row, [number, number, number]>(selectAll).all(beforeId, fromId, pageRows)
      : this.#database
          .query<Row, [string, number, number, number]>(selectOfProfile)
          .all(profileId, beforeId, fromId, pageRows);
  }

  #trim(nowMs: number, { keepMs, maxRows }: ReceiptRetention): void {
    const tooMany = Math.min(trimAtOnce, Math.max(0, (this.#rows ?? 0) - maxRows));
    const { changes: crowdedOut } = this.#database
      .query(deleteBefore)
      .run(tooMany === 0 ? 0 : Number.MAX_SAFE_INTEGER, tooMany);
    const { changes: aged } = this.#database.query(deleteBefore).run(firstIdAt(nowMs - keepMs), trimAtOnce);
    this.#rows = (this.#rows ?? 0) - crowdedOut - aged;
  }
}

/** Takes the receipts of a person away, of all profiles that they were. */
export function eraseReceipts(database: Database, profile: string): void {
  database.query(deleteOfProfile).run(profile);
  database.query(deleteHeirs).run(profile);
}

/**
 * A profile is part of another one now, under which its receipts are found too. They keep its name, since what was sent
 * is made again from what it was then.
 */
export function inheritReceipts(database: Database, from: string, into: string): void {
  database.query(passOn).run(into, from);
  database.query(inherit).run(into, from);
}

/** A profile is its own again. */
export function disinheritReceipts(database: Database, profile: string): void {
  database.query(disinherit).run(profile);
}

/** Ids that one millisecond has room for. */
const idsInMs = 4_096;

/** The first id that a receipt of that instant can have: ids hold their time. */
export function firstIdAt(atMs: number): number {
  return Math.max(0, Math.floor(atMs)) * idsInMs;
}

const pageRows = 1_000;

interface BlockRow {
  readonly block: string;
  readonly version: string;
  readonly source: string;
  readonly partials: string;
  readonly link_hosts: string;
}

function valuesOf(row: ReceiptRow): SqlValue[] {
  return [
    row.id,
    row.atMs,
    row.namespace,
    row.profileId,
    row.profileVersion,
    row.askedHash,
    row.block,
    row.blockVersion,
    row.form,
    row.notModified ? 1 : 0,
    row.servedFrom,
    row.reason,
    row.contentHash,
    row.caller,
    JSON.stringify(row.traits),
  ];
}

function receiptOf(row: Row): ReceiptRow {
  return {
    id: row.id,
    atMs: row.at_ms,
    namespace: row.namespace,
    profileId: row.profile_id,
    profileVersion: row.profile_version,
    askedHash: row.asked_hash,
    block: row.block,
    blockVersion: row.block_version,
    form: row.form,
    notModified: row.not_modified === 1,
    servedFrom: row.served_from,
    reason: row.reason,
    contentHash: row.content_hash,
    caller: row.caller,
    traits: JSON.parse(row.traits) as ReceiptRow["traits"],
  };
}
