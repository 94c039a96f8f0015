/** Words about the folder that a command works on, where no server tells by its answers that it is the right one. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { folderPaths } from "../store/folder.ts";
import { connectSocket } from "./socketClient.ts";

/** Where `serve` and `demo` keep their data when they are not told. */
const usualFolders = ["./data", "./demo-data"] as const;

/** ` A server runs on ./demo-data: --data ./demo-data`, where one does and `folder` is another one; else nothing. */
export async function servedElsewhere(folder: string): Promise<string> {
  for (const usual of usualFolders) {
    if (resolve(usual) === resolve(folder)) continue;
    const { socket } = folderPaths(usual);
    if (existsSync(socket) && (await connectSocket(socket)) !== null)
      return ` A server runs on ${usual}; to speak with it: --data ${usual}`;
  }
  return "";
}

/** What is said before a command works on a folder by itself. */
export async function onItsOwn(folder: string): Promise<string> {
  const isNew = !existsSync(folderPaths(folder).journal);
  const what = isNew ? "the folder is new, and is made now." : "this command works on the files themselves.";
  return `No server runs on ${folder}: ${what}${await servedElsewhere(folder)}`;
}
