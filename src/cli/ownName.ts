/** How this program is called by whoever reads its hints: the binary by its name, a checkout through npm. */

const isBinary = import.meta.path.startsWith("/$bunfs/");

/** What stands before a command's name and its arguments. */
export const ownName = isBinary ? "freshet" : "npm run -s freshet --";

/** What starts the server, or the demo; options follow. */
export function startCommand(demo: boolean): string {
  if (demo) return isBinary ? "freshet demo" : "npm start --";
  return `${ownName} serve`;
}
