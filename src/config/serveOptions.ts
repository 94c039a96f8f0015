/** Every option of `freshet serve`: type, default, sentence. The one place where they are defined. */
import { z } from "zod";
import { isNetwork } from "../lib/address.ts";
import { byteSize, duration, integer, list, oneOf, optionsOf, text } from "./option.ts";

/** Where the data is; every command has this one. */
const dataShape = {
  data: text({
    placeholder: "folder",
    description: "Folder that holds everything Freshet keeps.",
    inFile: false,
  }).default("./data"),
};

export const serveShape = {
  ...dataShape,
  config: text({
    placeholder: "file",
    description: "Configuration file; the default one may be absent.",
    inFile: false,
  }).default("./freshet.yaml"),
  host: text({ placeholder: "address", description: "Address to listen on." }).default("127.0.0.1"),
  port: integer({ min: 0, max: 65_535, description: "Port to listen on; 0 takes a free one." }).default(
    8_787,
  ),
  publicUrl: list(isPublicUrl, {
    placeholder: "url",
    expected: "URLs such as https://events.example.com, without a path",
    description: "URL under which clients reach this server; its host name is answered for (repeatable).",
  }).default([]),
  trustProxy: list(isTrust, {
    placeholder: "hops|cidr",
    expected: "one number of hops from 1 to 10, or addresses and CIDR ranges such as 10.0.0.0/8",
    description:
      "Proxies whose X-Forwarded-For is believed: a number of hops, or addresses and ranges (repeatable).",
  }).default([]),
  logLevel: oneOf(["trace", "debug", "info", "warn", "error", "fatal", "silent"], {
    placeholder: "level",
    description: "Least severity that is logged: trace, debug, info, warn, error, fatal or silent.",
  }).default("info"),
  logFormat: oneOf(["auto", "json", "pretty"], {
    placeholder: "format",
    description: "Form of the log on stderr: json, pretty, or auto (pretty on a terminal).",
  }).default("auto"),
  watchConfig: oneOf(["true", "false"], {
    placeholder: "true|false",
    description:
      "Whether a changed configuration file is taken into use by itself (else: config apply, or SIGHUP).",
  }).default("true"),
  editConfig: oneOf(["true", "false"], {
    placeholder: "true|false",
    description: "Whether whoever administers may change the configuration file from the admin page.",
  }).default("true"),
  maxInFlightRequests: integer({
    min: 1,
    max: 1_000_000,
    description: "Requests that may wait for an answer at once; more get 429.",
  }).default(4_096),
  maxInFlightBytes: byteSize({ description: "Request bodies that may wait at once; more get 429." }).default(
    "256MB",
  ),
  maxConnections: integer({
    min: 8,
    max: 1_000_000,
    description:
      "Connections that may be open at once, lowered to what the file limit allows; more get 429 and are closed.",
  }).default(10_000),
  maxStreams: integer({
    min: 0,
    max: 1_000_000,
    description: "Feed readers (SSE, WebSocket, long poll) that may be connected at once; more get 429.",
  }).default(5_000),
  browserRate: integer({
    min: 1,
    max: 1_000_000,
    description: "Events a second that a browser key may send from one address; more get 429.",
  }).default(100),
  requestTimeout: duration({ description: "Time that the body of a request may take to arrive." }).default(
    "10s",
  ),
  idleTimeout: duration({
    description: "Time after which a silent connection is closed; whole seconds, more than the heartbeat.",
  }).default("30s"),
  feedHeartbeat: duration({ description: "Time between the heartbeat comments of a quiet feed." }).default(
    "10s",
  ),
  drainTimeout: duration({
    description: "Time that a shutdown may take before the process ends regardless.",
  }).default("15s"),
};

export const dataOptions = optionsOf(dataShape);
export const serveOptions = optionsOf(serveShape);

/** What the schema makes of the options once all sources are merged; durations and sizes are still text. */
export type ServeValues = z.output<z.ZodObject<typeof serveShape>>;

/** The `serve:` section of freshet.yaml. */
export const serveSection = z.strictObject(serveShape).omit({ data: true, config: true }).partial();

function isPublicUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null) return false;
  return (
    (url.protocol === "http:" || url.protocol === "https:") &&
    url.pathname === "/" &&
    url.search === "" &&
    url.hash === "" &&
    url.username === ""
  );
}

function isTrust(value: string): boolean {
  return /^([1-9]|10)$/.test(value) || isNetwork(value);
}
