/** A copy of a folder whose files are mostly holes: what is nothing but zeros is not written. */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

const blockBytes = 256 * 1024;
const zeros = Buffer.alloc(blockBytes);

/** Copies files and folders; sockets and links stay behind. */
export function copyFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isDirectory()) copyFolder(join(from, entry.name), join(to, entry.name));
    else if (entry.isFile()) copyFile(join(from, entry.name), join(to, entry.name));
  }
}

function copyFile(from: string, to: string): void {
  const source = openSync(from, "r");
  const target = openSync(to, "w");
  try {
    const block = Buffer.allocUnsafe(blockBytes);
    for (let at = 0; ;) {
      const bytes = readSync(source, block, 0, blockBytes, at);
      if (bytes === 0) break;
      const part = block.subarray(0, bytes);
      if (!part.equals(zeros.subarray(0, bytes))) writeSync(target, part, 0, bytes, at);
      at += bytes;
    }
    ftruncateSync(target, fstatSync(source).size);
  } finally {
    closeSync(source);
    closeSync(target);
  }
}
