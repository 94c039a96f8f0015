/**
 * Upserts of Mailchimp members, which never change the status of somebody who is there. One member goes by PUT with
 * `status_if_new`; new ones go many at a time with `update_existing` false, and those that turn out to be there by PUT.
 * A new address renames the member, so that status, tags and history stay.
 */
import type { RowVerdict, Verdict } from "../../model/delivery/verdict.ts";
import type { Json } from "../../model/event.ts";
import type {
  Answered,
  Capability,
  OutRequest,
  ProfileKey,
  Reading,
  UpsertRow,
} from "../deliver/destination.ts";
import { call, lenient, member, readMember, readNothing, type Settings } from "./mailchimpCalls.ts";
import { listedIn, refusalOf, refused, saidBy } from "./mailchimpErrors.ts";
import type { MailchimpFields } from "./mailchimpFields.ts";

/** It takes 500, but answers with every one of them whole: so many stay below what is read of an answer. */
const maxRows = 100;
const maxBytes = 1_000_000;
/** More of an answer is not read. */
const longestAnswer = 1_000_000;
/** Names that somebody had before are tried up to here. */
const mostFormer = 3;

/** Upserts with the audience's merge fields. */
export function upsert(own: Settings, fields: MailchimpFields): Capability<UpsertRow> {
  const merged = (row: UpsertRow) => {
    const values = fields.values(row);
    return Object.keys(values).length === 0 ? {} : { merge_fields: values };
  };
  const put = (row: UpsertRow | undefined, status = statusOf(own, row)) =>
    call(own, "PUT", `${member(row?.key)}?${lenient}`, {
      email_address: row?.key["email"] ?? "",
      status_if_new: status,
      ...(row === undefined ? {} : merged(row)),
    });
  const rename = (row: UpsertRow, from: ProfileKey) =>
    call(own, "PATCH", `${member(from)}?${lenient}`, {
      email_address: row.key["email"] ?? "",
      ...(isSuppressed(row) ? { status: "unsubscribed" } : {}),
      ...merged(row),
    });
  return {
    maxRows,
    maxBytes,
    repeat: "idempotent",
    // Only who was never there goes together with others.
    group: ({ isNew, former, key: { email = "" } }) => (isNew && former.length === 0 ? "" : `one ${email}`),
    way: {
      kind: "http",
      ready: (rows) => fields.ready(rows),
      request: (rows) => {
        const [row] = rows;
        const former = row?.former[0];
        if (rows.length > 1) return added(own, rows, merged);
        return row !== undefined && former !== undefined ? rename(row, former) : put(row);
      },
      read: (answer, rows) => {
        const [row] = rows;
        if (rows.length > 1) return readAdded(answer, rows, put);
        return row !== undefined && row.former.length > 0
          ? readRenamed(own, answer, row, 0, { put, rename })
          : readMember(answer);
      },
    },
  };
}

/** Several at once, none of whom is changed who is there. */
function added(
  own: Settings,
  rows: readonly UpsertRow[],
  merged: (row: UpsertRow) => Readonly<Record<string, Json>>,
): OutRequest {
  return call(own, "POST", `?${lenient}&skip_duplicate_check=true`, {
    members: rows.map((row) => ({
      email_address: row.key["email"] ?? "",
      status: statusOf(own, row),
      ...merged(row),
    })),
    update_existing: false,
  });
}

/** Whoever is there already is put one by one. */
function readAdded(
  answer: Answered,
  rows: readonly UpsertRow[],
  put: (row: UpsertRow) => OutRequest,
): Reading | null {
  if (answer.status >= 300) return refused(answer);
  if (answer.text.length >= longestAnswer)
    return { kind: "split", reason: "the answer is longer than what is read of one" };
  const listed = listedIn(answer.text);
  const found = rows.map(({ key }) => listed.get(key["email"]?.toLowerCase() ?? ""));
  const verdicts = found.map((one): RowVerdict =>
    one === undefined || one === "exists" ? { kind: "retry", reason: "nothing was said of it" } : one,
  );
  const there = found.flatMap((one, at) => (one === "exists" ? [at] : []));
  return putEach(rows, verdicts, there, put);
}

function putEach(
  rows: readonly UpsertRow[],
  verdicts: readonly RowVerdict[],
  [at, ...rest]: readonly number[],
  put: (row: UpsertRow) => OutRequest,
): Reading {
  const row = at === undefined ? undefined : rows[at];
  if (at === undefined || row === undefined) return { kind: "rows", rows: verdicts };
  return {
    kind: "ask",
    request: put(row),
    read: (answer) => {
      const goOn = (verdict: RowVerdict) => putEach(rows, verdicts.with(at, verdict), rest, put);
      const verdict = readMember(answer);
      if (verdict?.kind === "stop" || verdict?.kind === "refresh") return verdict;
      if (verdict?.kind === "done") return goOn(verdict);
      if (verdict?.kind === "split") return goOn({ kind: "drop", reason: verdict.reason });
      if (verdict?.kind === "retry" && answer.status === 400) return goOn(verdict);
      // Busy or out of order: what was taken stays taken, the rest is sent again.
      const left = new Set([at, ...rest]);
      const again: RowVerdict = { kind: "retry", reason: saidBy(answer) };
      return { kind: "rows", rows: verdicts.map((one, place) => (left.has(place) ? again : one)) };
    },
  };
}

interface Requests {
  readonly put: (row: UpsertRow, status?: string) => OutRequest;
  readonly rename: (row: UpsertRow, from: ProfileKey) => OutRequest;
}

/**
 * A member under a former address is given the new one. Where none is there, the new one is put. Where Mailchimp won't
 * have it, because the new address is a member itself, that one is put and the old one archived; for another reason,
 * the new one is made without a subscription: the old one may have ended its own.
 */
function readRenamed(
  own: Settings,
  answer: Answered,
  row: UpsertRow,
  tried: number,
  requests: Requests,
): Reading | null {
  if (answer.status < 300) return readMember(answer);
  const next = tried + 1 < mostFormer ? row.former[tried + 1] : undefined;
  if (answer.status === 404)
    return next === undefined
      ? { kind: "ask", request: requests.put(row), read: readMember }
      : {
          kind: "ask",
          request: requests.rename(row, next),
          read: (further) => readRenamed(own, further, row, tried + 1, requests),
        };
  if (answer.status !== 400) return refused(answer);
  const kind = refusalOf(saidBy(answer));
  if (kind === "crowded") return refused(answer);
  if (kind !== "exists")
    return {
      kind: "ask",
      request: requests.put(row, isSuppressed(row) ? "unsubscribed" : "transactional"),
      read: readMember,
    };
  const archive = call(own, "DELETE", member(row.former[tried]));
  return {
    kind: "ask",
    request: requests.put(row),
    read: (taken) =>
      readMember(taken)?.kind === "done"
        ? { kind: "ask", request: archive, read: readArchived }
        : readMember(taken),
  };
}

/** One that is archived already, or can't be, gets nothing either. */
function readArchived(answer: Answered): Verdict | null {
  return answer.status === 404 || answer.status === 405 ? { kind: "done" } : readNothing(answer);
}

function isSuppressed({ suppressed: channels }: UpsertRow): boolean {
  return Object.hasOwn(channels, "email");
}

/** Nobody is made as somebody who gets mail that must not be written to. */
function statusOf(own: Settings, row: UpsertRow | undefined): string {
  return row !== undefined && isSuppressed(row) ? "unsubscribed" : own.status;
}
