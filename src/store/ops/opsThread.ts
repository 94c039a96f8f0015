/** The thread that has ops.db open, without its messaging: one call in, one answer out. */
import { classifyWriteFailure, type Database } from "../sqlite.ts";
import { openOpsDatabase } from "./opsMigrations.ts";
import type { OpsAnswer, OpsCall, OpsRequest } from "./opsDesk.ts";
import { OpenRooms } from "./opsRooms.ts";

export class OpsThread {
  #open: { readonly database: Database; readonly rooms: OpenRooms } | null = null;
  #path = "";

  receive({ id, request }: OpsCall): OpsAnswer {
    try {
      if (request.kind !== "askInText") return { kind: "done", id, value: this.#run(request) };
      const { room, name, args } = request;
      const value = this.#rooms().answer({ room, name, args: JSON.parse(args) as unknown[] });
      return { kind: "doneInText", id, value: JSON.stringify(value) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { kind: "failed", id, failure: classifyWriteFailure(error), message };
    }
  }

  #run(request: Exclude<OpsRequest, { kind: "askInText" }>): unknown {
    switch (request.kind) {
      case "open":
        this.#path = request.path;
        return null;
      case "ask":
        return this.#rooms().answer(request);
      case "close":
        this.#open?.database.close();
        this.#open = null;
        return null;
    }
  }

  #rooms(): OpenRooms {
    if (this.#open === null) {
      const database = openOpsDatabase(this.#path);
      this.#open = { database, rooms: new OpenRooms(database) };
    }
    return this.#open.rooms;
  }
}
