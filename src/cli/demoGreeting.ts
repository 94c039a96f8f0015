/** What the demo says at its start: where to look, which keys there are, what to try next. */
import type { App } from "../app.ts";
import type { Environment } from "../config/environment.ts";
import type { ServeSettings } from "../config/settings.ts";
import { version } from "../version.ts";
import { ownName } from "./ownName.ts";

/** Five lines. */
export function demoGreeting(
  { origin, shownKeys }: App,
  settings: ServeSettings,
  environment: Environment,
): string {
  // Write keys are no secrets: they stand in web pages.
  const writeKey = shownKeys.writeKey ?? settings.firstKeys.writeKey ?? "";
  const secretKey = shownKeys.secretKey ?? "the one in FRESHET_SECRET_KEY";
  const address = origin === "http://127.0.0.1:8787" ? "" : ` --url ${origin}`;
  return [
    `Freshet ${version} is running (process ${process.pid}), data in ${settings.dataFolder}. Open the demo:  ${origin}/demo`,
    `  Admin page  ${origin}/admin  (sign in with the secret key), docs ${origin}/docs`,
    `  Write key   ${writeKey}  sends events`,
    `  Secret key  ${secretKey}  reads them${shownKeys.secretKey === null ? "" : "; made for this run, stored nowhere"}`,
    `  Try next    ${ownName(environment)} simulate${address} --write-key ${writeKey}`,
    "",
  ].join("\n");
}
