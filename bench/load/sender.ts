/** Makes the next request's bytes for each kind of job. */
import type { LoadConnection } from "./connection.ts";
import type { LoadJob } from "./job.ts";
import { EventRequest, eventJson, httpRequest, Randomness, userId } from "./payload.ts";

/** Gives the bytes of the next request on one connection, and the messageId in it where it is one event. */
export interface Sender {
  next(): Uint8Array;
  messageId(): string;
}

/** One sender a connection. `etags` holds, by user, what the first round collected (conditional requests only). */
export function makeSenders(job: LoadJob, etags: readonly string[]): Sender[] {
  const auth = job.authorization === null ? "" : `\r\nAuthorization: ${job.authorization}`;
  const at = new Date();
  const profiles = job.request.kind === "profile" ? profileRequests(job, auth, etags) : [];
  const turn = { at: 0 };
  return Array.from({ length: job.connections }, (_, index) => {
    const random = new Randomness(job.seed * 7_919 + index * 104_729 + 1);
    switch (job.request.kind) {
      case "track":
        return eventSender(
          new EventRequest(`POST /v1/track HTTP/1.1${auth}`, eventJson(at), random, job.users),
        );
      case "batch": {
        const batch = Array.from({ length: job.request.size }, () => eventJson(at)).join(",");
        return eventSender(
          new EventRequest(`POST /v1/batch HTTP/1.1${auth}`, `{"batch":[${batch}]}`, random, job.users),
        );
      }
      case "get": {
        const bytes = encode(httpRequest(`GET ${job.request.path} HTTP/1.1${auth}`, null));
        return { next: () => bytes, messageId: () => "" };
      }
      case "profile":
        return job.request.unique === true ? inTurn(profiles, turn) : profileSender(profiles, random);
      case "many":
        return manySender(job, auth, random);
    }
  });
}

const profilePath = "/v1/profiles/user_id:";

/** The requests for every user's profile, with `If-None-Match` where an ETag is known. */
export function profileRequests(
  { users, request }: Pick<LoadJob, "users" | "request">,
  auth: string,
  etags: readonly string[],
): Uint8Array[] {
  const path = request.kind === "profile" ? (request.path ?? profilePath) : profilePath;
  return Array.from({ length: users }, (_, user) => {
    const etag = etags[user];
    const condition = etag === undefined ? "" : `\r\nIf-None-Match: ${etag}`;
    return encode(httpRequest(`GET ${path}${userId(user)} HTTP/1.1${auth}${condition}`, null));
  });
}

/** Asks for every user once over one connection and returns the ETags. */
export async function collectEtags(
  open: (onHead: (connection: LoadConnection, head: string) => void) => Promise<LoadConnection>,
  requests: readonly Uint8Array[],
): Promise<string[]> {
  const etags: string[] = [];
  const done = Promise.withResolvers<void>();
  const connection = await open((same, head) => {
    etags.push(/^etag: *(.+)$/im.exec(head)?.[1] ?? "");
    const request = requests[etags.length];
    if (request === undefined) done.resolve();
    else same.send(request);
  });
  connection.send(requests[0] ?? new Uint8Array());
  await done.promise;
  return etags;
}

function eventSender(request: EventRequest): Sender {
  return {
    next: () => {
      request.refresh();
      return request.bytes;
    },
    messageId: () => request.messageId(),
  };
}

function profileSender(requests: readonly Uint8Array[], random: Randomness): Sender {
  const none = new Uint8Array();
  return { next: () => requests[random.next() % requests.length] ?? none, messageId: () => "" };
}

/** Every request once before any comes again, whichever connection has room. */
function inTurn(requests: readonly Uint8Array[], turn: { at: number }): Sender {
  const none = new Uint8Array();
  const next = () => {
    const bytes = requests[turn.at % requests.length] ?? none;
    turn.at += 1;
    return bytes;
  };
  return { next, messageId: () => "" };
}

/** Bodies made ahead: what the client spends on them would be taken from the server. */
const preparedBodies = 50;

function manySender(job: LoadJob, auth: string, random: Randomness): Sender {
  if (job.request.kind !== "many") throw new Error("not a job of many");
  const { path, size } = job.request;
  const requests = Array.from({ length: preparedBodies }, () => {
    const ids = Array.from({ length: size }, () => `user_id:${userId(random.next() % job.users)}`);
    return encode(httpRequest(`POST ${path} HTTP/1.1${auth}`, JSON.stringify({ ids })));
  });
  return profileSender(requests, random);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
