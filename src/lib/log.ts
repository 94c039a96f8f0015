/**
 * The log: one line an occurrence, on stderr. Messages are fixed sentences and fields are an allow-list, so that no
 * body, identifier, e-mail address or key can get in by accident.
 */
import pino from "pino";
import pretty from "pino-pretty";

/** Everything a line may carry beside its sentence. */
export interface LogFields {
  readonly requestId?: string;
  readonly method?: string;
  /** The route's pattern, never the path that was asked for. */
  readonly route?: string;
  readonly status?: number;
  readonly errorCode?: string;
  /** The class of an exception. */
  readonly errorName?: string;
  /** Where an exception was thrown: function names and places, without its message. */
  readonly at?: string;
  readonly keyId?: string;
  readonly source?: string;
  readonly seq?: number;
  readonly count?: number;
  readonly progress?: number;
  readonly durationMs?: number;
  readonly bytes?: number;
  readonly host?: string;
  readonly port?: number;
  readonly folder?: string;
  readonly signal?: string;
  readonly exitCode?: number;
  /** A cause named by our own code. */
  readonly why?: string;
}

const allowed: Readonly<Record<keyof LogFields, true>> = {
  requestId: true,
  method: true,
  route: true,
  status: true,
  errorCode: true,
  errorName: true,
  at: true,
  keyId: true,
  source: true,
  seq: true,
  count: true,
  progress: true,
  durationMs: true,
  bytes: true,
  host: true,
  port: true,
  folder: true,
  signal: true,
  exitCode: true,
  why: true,
};

/** Writes lines of one severity each. */
export interface Log {
  debug(sentence: string, fields?: LogFields): void;
  info(sentence: string, fields?: LogFields): void;
  warn(sentence: string, fields?: LogFields): void;
  error(sentence: string, fields?: LogFields): void;
}

/** A log on stderr. `auto` is pretty on a terminal and JSON elsewhere. */
export function openLog(options: {
  readonly level: string;
  readonly format: "auto" | "json" | "pretty";
}): Log {
  const isPretty = options.format === "pretty" || (options.format === "auto" && process.stderr.isTTY);
  const destination = isPretty
    ? pretty({ destination: 2, sync: true, ignore: "pid,hostname" })
    : pino.destination({ dest: 2, sync: true });
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: onlyAllowed },
    },
    destination,
  );
  return {
    debug: (sentence, fields = {}) => logger.debug(fields, sentence),
    info: (sentence, fields = {}) => logger.info(fields, sentence),
    warn: (sentence, fields = {}) => logger.warn(fields, sentence),
    error: (sentence, fields = {}) => logger.error(fields, sentence),
  };
}

/** A log that says nothing. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function onlyAllowed(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => Object.hasOwn(allowed, name)));
}
