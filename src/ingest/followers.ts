/** Every stream that is followed. */
import { Follower, type FollowDeps, type FollowedStream, type FollowStatus } from "./follow.ts";

export class Followers {
  readonly #followers: readonly Follower[];

  constructor(streams: readonly FollowedStream[], deps: FollowDeps) {
    this.#followers = streams.map((stream) => new Follower(stream, deps));
  }

  start(): void {
    for (const follower of this.#followers) follower.start();
  }

  /** Resolves when nothing more is handed to the writer. */
  async stop(): Promise<void> {
    await Promise.all(this.#followers.map((follower) => follower.stop()));
  }

  /** How each of them is, in the order of the configuration. */
  status(): readonly FollowStatus[] {
    return this.#followers.map((follower) => follower.status());
  }
}
