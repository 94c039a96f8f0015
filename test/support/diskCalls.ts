/** What a traced process did to files below one folder, read from the output of strace (see traceFlags). */
import { join } from "node:path";

/** One thing that reached the kernel, at a time in microseconds since 1970. */
export type DiskCall =
  | { readonly kind: "open"; readonly path: string; readonly atUs: number; readonly truncates: boolean }
  | {
      readonly kind: "write";
      readonly path: string;
      readonly atUs: number;
      /** Null: where the last write through this path ended. */
      readonly offset: number | null;
      readonly bytes: Buffer;
    }
  /** The next write without an offset goes there. */
  | { readonly kind: "seek"; readonly path: string; readonly atUs: number; readonly offset: number }
  | { readonly kind: "truncate"; readonly path: string; readonly atUs: number; readonly size: number }
  | { readonly kind: "rename"; readonly path: string; readonly atUs: number; readonly to: string }
  | { readonly kind: "mkdir" | "unlink" | "rmdir"; readonly path: string; readonly atUs: number }
  /** A sync began, or returned without error; `thread` pairs the two. */
  | {
      readonly kind: "syncBegin" | "syncEnd";
      readonly path: string;
      readonly atUs: number;
      readonly thread: string;
    };

const tracedCalls =
  "openat open creat lseek write pwrite64 writev pwritev pwritev2 copy_file_range fsync fdatasync sync_file_range " +
  "msync ftruncate truncate fallocate rename renameat renameat2 unlink unlinkat mkdir mkdirat rmdir";

/** The command line before the traced program: everything in full, the program stays the caller's own child. */
export function traceCommand(output: string, more: readonly string[] = []): string[] {
  const calls = `trace=${tracedCalls.replaceAll(" ", ",")}`;
  const form = ["-ttt", "-y", "-xx", "-s", String(64 * 1024 ** 2), "-e", calls, "-e", "signal=KILL"];
  return ["strace", "-D", "-f", "--seccomp-bpf", ...form, ...more, "-o", output];
}

/** Reads a trace. Throws at a call that changes files in a way that is not understood. */
export function readDiskCalls(trace: Buffer, folder: string): DiskCall[] {
  const reader = new TraceReader(folder);
  for (let from = 0; from < trace.length;) {
    const end = trace.indexOf(10, from);
    const to = end < 0 ? trace.length : end;
    reader.line(trace.toString("latin1", from, to));
    from = to + 1;
  }
  return reader.calls;
}

const unfinished = " <unfinished ...>";

/** A call's name, its arguments as printed, and what it returned. */
interface Traced {
  readonly thread: string;
  readonly atUs: number;
  readonly name: string;
  readonly parts: readonly string[];
}

class TraceReader {
  readonly calls: DiskCall[] = [];
  readonly #folder: string;
  /** Begun and not yet returned, by thread. */
  readonly #begun = new Map<string, Traced>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  line(text: string): void {
    const found = /^(\d+) +(\d+)\.(\d{6}) (?:<\.\.\. (\w+) resumed>|(\w+)\()/.exec(text);
    if (found === null) return;
    const [head, thread = "", seconds = "", micros = "", resumed, name] = found;
    const atUs = Number(seconds) * 1e6 + Number(micros);
    if (resumed !== undefined) {
      const call = this.#begun.get(thread);
      this.#begun.delete(thread);
      if (call !== undefined) this.#returned(call, resultOf(text), atUs);
      return;
    }
    const isUnfinished = text.endsWith(unfinished);
    const rest = text.slice(head.length, isUnfinished ? -unfinished.length : text.lastIndexOf(")"));
    const call = { thread, atUs, name: name ?? "", parts: rest.split(", ") };
    this.#began(call);
    if (isUnfinished) this.#begun.set(thread, call);
    else this.#returned(call, resultOf(text), atUs);
  }

  /** Writes count from here on: any part may be on its way to the disk. */
  #began({ name, parts, atUs, thread }: Traced): void {
    const path = fdPath(parts[0] ?? "");
    if (!this.#isInside(path)) return;
    switch (name) {
      case "write":
        this.calls.push({ kind: "write", path, atUs, offset: null, bytes: quoted(parts[1]) });
        return;
      case "pwrite64":
        this.calls.push({ kind: "write", path, atUs, offset: Number(parts.at(-1)), bytes: quoted(parts[1]) });
        return;
      case "writev":
      case "pwritev": {
        const bytes = Buffer.concat(parts.filter((part) => part.includes("iov_base=")).map(quoted));
        const offset = name === "pwritev" ? Number(parts.at(-1)) : null;
        this.calls.push({ kind: "write", path, atUs, offset, bytes });
        return;
      }
      case "ftruncate":
        this.calls.push({ kind: "truncate", path, atUs, size: Number(parts[1]) });
        return;
      case "fsync":
      case "fdatasync":
        this.calls.push({ kind: "syncBegin", path, atUs, thread });
        return;
      case "pwritev2":
      case "copy_file_range":
      case "fallocate":
        throw new Error(`the recording holds ${name}, which is not understood`);
    }
  }

  #returned({ name, parts, thread }: Traced, result: string, atUs: number): void {
    if (result.startsWith("-1") || result.startsWith("?")) return;
    switch (name) {
      case "fsync":
      case "fdatasync": {
        const path = fdPath(parts[0] ?? "");
        if (this.#isInside(path)) this.calls.push({ kind: "syncEnd", path, atUs, thread });
        return;
      }
      case "lseek": {
        const path = fdPath(parts[0] ?? "");
        if (this.#isInside(path)) this.calls.push({ kind: "seek", path, atUs, offset: Number(result) });
        return;
      }
      case "openat":
      case "open": {
        const path = pathOf(parts, name === "open" ? 0 : 1);
        const flags = parts[name === "open" ? 1 : 2] ?? "";
        const changes = /O_CREAT|O_TRUNC/.test(flags);
        if (this.#isInside(path) && (changes || /O_WRONLY|O_RDWR/.test(flags)))
          this.calls.push({ kind: "open", path, atUs, truncates: flags.includes("O_TRUNC") });
        return;
      }
      case "rename":
      case "renameat":
      case "renameat2": {
        const [from, to] = name === "rename" ? [0, 1] : [1, 3];
        const path = pathOf(parts, from);
        if (this.#isInside(path)) this.calls.push({ kind: "rename", path, atUs, to: pathOf(parts, to) });
        return;
      }
      case "unlink":
      case "unlinkat":
      case "rmdir":
      case "mkdir":
      case "mkdirat": {
        const path = pathOf(parts, name.endsWith("at") ? 1 : 0);
        const isFolder = name === "rmdir" || parts.some((part) => part.includes("AT_REMOVEDIR"));
        const kind = name.startsWith("mkdir") ? "mkdir" : isFolder ? "rmdir" : "unlink";
        if (path === this.#folder || this.#isInside(path)) this.calls.push({ kind, path, atUs });
        return;
      }
    }
  }

  /** Shared memory is left out: it is never synced, and both databases make it anew after a stop. */
  #isInside(path: string): boolean {
    const isShared = path.endsWith("-shm") || path.endsWith("lock.mdb");
    return (path === this.#folder || path.startsWith(`${this.#folder}/`)) && !isShared;
  }
}

function resultOf(line: string): string {
  return line.slice(line.lastIndexOf(" = ") + 3);
}

/** `8<\x2f…>` as a path; nothing where it is no file. */
function fdPath(part: string): string {
  const from = part.indexOf("<");
  return from < 0 ? "" : unhex(part.slice(from + 1, part.lastIndexOf(">"))).toString();
}

/** The path in argument `at`, beginning at the folder that stands before it where there is one. */
function pathOf(parts: readonly string[], at: number): string {
  const path = quoted(parts[at]).toString();
  if (path.startsWith("/") || at === 0) return path;
  return join(fdPath(parts[at - 1] ?? ""), path);
}

function quoted(part: string | undefined): Buffer {
  const text = part ?? "";
  return unhex(text.slice(text.indexOf('"') + 1, text.lastIndexOf('"')));
}

/** `\x2f\x74` as bytes. */
function unhex(text: string): Buffer {
  return Buffer.from(text.replaceAll("\\x", ""), "hex");
}
