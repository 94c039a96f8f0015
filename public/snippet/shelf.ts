/** What is remembered between pages. Where the browser allows no storage, nothing is, and all else goes on. */
export interface Shelf {
  get(name: string): string | null;
  set(name: string, text: string): void;
  remove(name: string): void;
  /** Names that begin with `start`, sorted. */
  names(start: string): string[];
}

/** Names in localStorage get this prefix, so that two write keys on one site don't meet. */
export function openShelf(prefix: string): Shelf {
  // Even to touch localStorage throws where a page may not have one; to write throws when it is full.
  const attempt = <T>(act: (storage: Storage) => T): T | null => {
    try {
      return act(localStorage);
    } catch {
      return null;
    }
  };
  return {
    get: (name) => attempt((storage) => storage.getItem(prefix + name)),
    set: (name, text) => {
      attempt((storage) => storage.setItem(prefix + name, text));
    },
    remove: (name) => {
      attempt((storage) => storage.removeItem(prefix + name));
    },
    names: (start) =>
      (attempt((storage) => Object.keys(storage)) ?? [])
        .filter((name) => name.startsWith(prefix + start))
        .map((name) => name.slice(prefix.length))
        .sort(),
  };
}
