/** How this program is called by whoever reads its hints: the binary by its name, a checkout through npm or Bun. */
import type { Environment } from "../config/environment.ts";

const isBinary = import.meta.path.startsWith("/$bunfs/");

/** What stands before a command's name and its arguments. Whoever has Bun alone has no npm. */
export function ownName(environment: Environment): string {
  if (isBinary) return "freshet";
  return isThroughBun(environment) ? "bun run --silent freshet" : "npm run -s freshet --";
}

/** What starts the server, or the demo; options follow. */
export function startCommand(demo: boolean, environment: Environment): string {
  if (!demo) return `${ownName(environment)} serve`;
  if (isBinary) return "freshet demo";
  return isThroughBun(environment) ? "bun run start" : "npm start --";
}

/** Both say so to the scripts that they run. */
function isThroughBun(environment: Environment): boolean {
  return environment["npm_config_user_agent"]?.startsWith("bun/") === true;
}
