/** A folder of mails, one file each, so many at most; who looks into it sees whole files alone. */
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fingerprint } from "../../lib/fingerprint.ts";

/** A mail as its file holds it. */
export interface KeptMail {
  /** As it would stand in the header Message-ID. */
  readonly messageId: string;
  readonly profileId: string;
  readonly sentAt: string;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly html: string | null;
  readonly text: string | null;
  readonly topic: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

const mailName = /^[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{16}\.json$/;
const maxMailBytes = 10_000_000;
/** Files are counted anew after so many mails: others may take some out. */
const countEvery = 100;

export class MailFolder {
  readonly #folder: string;
  readonly #keep: number;
  #sinceCount = countEvery;

  /** Makes nothing yet. */
  constructor(folder: string, keep: number) {
    this.#folder = folder;
    this.#keep = keep;
  }

  /** Keeps a mail; the same mail again takes its own place. */
  async put(id: string, mail: KeptMail): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const name = `${fingerprint(mail.profileId)}.${fingerprint(id)}.json`;
    const partial = join(this.#folder, `.${name}.partial`);
    try {
      const file = await open(partial, "w", 0o600);
      try {
        await file.writeFile(`${JSON.stringify(mail, null, 2)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(partial, join(this.#folder, name));
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    await this.#makeRoom();
  }

  /** The mails of a profile, the newest first. */
  async of(profileId: string, limit: number): Promise<readonly KeptMail[]> {
    const names = (await this.#names()).filter((name) => name.startsWith(`${fingerprint(profileId)}.`));
    const mails = await Promise.all(
      (await this.#newestFirst(names)).slice(0, limit).map((name) => this.#read(name)),
    );
    return mails.flatMap((mail) => mail ?? []);
  }

  /** Takes a profile's mails away. */
  async forget(profileId: string): Promise<void> {
    for (const name of await this.#names())
      if (name.startsWith(`${fingerprint(profileId)}.`)) await rm(join(this.#folder, name), { force: true });
  }

  async #makeRoom(): Promise<void> {
    this.#sinceCount += 1;
    // Between two counts there are a few more than were asked for.
    if (this.#sinceCount < Math.min(countEvery, this.#keep)) return;
    this.#sinceCount = 0;
    const names = await this.#names();
    if (names.length <= this.#keep) return;
    for (const name of (await this.#newestFirst(names)).slice(this.#keep))
      await rm(join(this.#folder, name), { force: true });
  }

  /** None where there is no folder yet. */
  async #names(): Promise<readonly string[]> {
    try {
      return (await readdir(this.#folder)).filter((name) => mailName.test(name));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
      throw error;
    }
  }

  async #newestFirst(names: readonly string[]): Promise<readonly string[]> {
    const dated: { readonly name: string; readonly atMs: number }[] = [];
    for (const name of names) {
      const found = await stat(join(this.#folder, name)).catch(() => null);
      if (found !== null && found.size <= maxMailBytes * 2) dated.push({ name, atMs: found.mtimeMs });
    }
    return dated.sort((left, right) => right.atMs - left.atMs).map(({ name }) => name);
  }

  /** Null for one that went away meanwhile, or that somebody else put there. */
  async #read(name: string): Promise<KeptMail | null> {
    try {
      const value: unknown = JSON.parse(await readFile(join(this.#folder, name), "utf8"));
      return isMail(value) ? value : null;
    } catch {
      return null;
    }
  }
}

function isMail(value: unknown): value is KeptMail {
  if (typeof value !== "object" || value === null) return false;
  const texts = ["messageId", "profileId", "sentAt", "from", "to", "subject"] as const;
  return texts.every((name) => typeof Reflect.get(value, name) === "string");
}
