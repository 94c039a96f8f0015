/** Turns refusals and surprises into HTTP answers, in one place. Nothing of the input is in them. */
import { errorBody, errorCatalogue, Refusal, type ErrorCode } from "./errors.ts";
import { describeError } from "./lib/describeError.ts";
import type { Log } from "./lib/log.ts";
import type { Ids } from "./lib/id.ts";

export interface ErrorAnswers {
  /** The answer to an expected refusal. */
  refusal(refusal: Refusal): Response;
  /** The answer to anything thrown: a Refusal as itself, all else as `internal`, logged. */
  unexpected(error: unknown): Response;
  /** The answer where nothing is at the path, or not with that method. */
  noRoute(allowedMethods: readonly string[]): Response;
}

/** Headers of every error: never stored, never sniffed. */
const errorHeaders = {
  "Content-Type": "application/json; charset=utf-8",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
};

export function errorAnswers(deps: { readonly ids: Ids; readonly log: Log }): ErrorAnswers {
  const answer = (
    code: ErrorCode,
    detail: string | undefined,
    requestId: string,
    headers: Record<string, string>,
  ) =>
    new Response(JSON.stringify(errorBody(code, requestId, detail)), {
      status: errorCatalogue[code].status,
      headers: { ...errorHeaders, ...headers },
    });
  const refusal = (refused: Refusal): Response => {
    const { code, detail, retryAfterSeconds } = refused;
    const retry: Record<string, string> =
      retryAfterSeconds === undefined ? {} : { "Retry-After": String(Math.ceil(retryAfterSeconds)) };
    const challenge: Record<string, string> =
      code === "unauthorized" ? { "WWW-Authenticate": 'Basic realm="freshet"' } : {};
    return answer(code, detail, deps.ids.uuid(), { ...retry, ...challenge });
  };
  return {
    refusal,
    unexpected: (error) => {
      if (error instanceof Refusal) return refusal(error);
      const requestId = deps.ids.uuid();
      deps.log.error("a request failed on our side", { requestId, ...describeError(error) });
      return answer("internal", undefined, requestId, {});
    },
    noRoute: (allowedMethods) => {
      if (allowedMethods.length === 0) return answer("not_found", undefined, deps.ids.uuid(), {});
      return answer("method_not_allowed", undefined, deps.ids.uuid(), { Allow: allowedMethods.join(", ") });
    },
  };
}
