/** How the compared stack is set up: what a careful team would set, and nothing that trades durability for speed. */

/** Connections of each Node process to PostgreSQL. */
export const connectionsOfPool = 16;

/** A commit is on disk before it is answered; memory and checkpoints are those of a server of its own. */
export const postgresSettings: readonly string[] = [
  "listen_addresses=",
  "synchronous_commit=on",
  "fsync=on",
  "shared_buffers=1GB",
  "effective_cache_size=4GB",
  "max_wal_size=8GB",
  "checkpoint_timeout=15min",
  "checkpoint_completion_target=0.9",
  "wal_buffers=64MB",
  "wal_compression=off",
  "max_connections=120",
  "random_page_cost=1.1",
  "jit=off",
];

/** Redis is a cache here: it keeps nothing on disk, and listens on a socket only. */
export function redisSettings(path: string): string[] {
  return ["--port", "0", "--unixsocket", path, "--unixsocketperm", "777", "--save", "", "--appendonly", "no"];
}
