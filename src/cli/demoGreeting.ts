/** What the demo says at its start: where to look, which keys there are, what to try next. */
import type { App } from "../app.ts";
import type { ServeSettings } from "../config/settings.ts";
import { version } from "../version.ts";

/** Five lines. */
export function demoGreeting({ origin, shownKeys }: App, settings: ServeSettings): string {
  const writeKey = shownKeys.writeKey ?? "the one in FRESHET_WRITE_KEY";
  const secretKey = shownKeys.secretKey ?? "the one in FRESHET_SECRET_KEY";
  const command = import.meta.path.startsWith("/$bunfs/") ? "freshet" : "npm run -s freshet --";
  const address = origin === "http://127.0.0.1:8787" ? "" : ` --url ${origin}`;
  const key = ` --write-key ${shownKeys.writeKey ?? "wk_…"}`;
  return [
    `Freshet ${version} is running, data in ${settings.dataFolder}. Open the demo:  ${origin}/demo`,
    `  Admin page  ${origin}/admin  (sign in with the secret key), docs ${origin}/docs`,
    `  Write key   ${writeKey}  sends events`,
    `  Secret key  ${secretKey}  reads them${shownKeys.secretKey === null ? "" : "; made for this run, stored nowhere"}`,
    `  Try next    ${command} simulate${address}${key}`,
    "",
  ].join("\n");
}
