/**
 * What ops.db keeps, a room a feature: a class over the open file whose methods are what may be asked of it.
 *
 * A feature that needs rows of its own adds a step to opsMigrations.ts, its tables' erase rules there, and its class
 * here; whoever holds the desk then asks for it by name: `desk.ask("audit", "page", beforeId, 100, null)`. Arguments
 * and answers cross a thread, so they are plain data. A call is one turn of that thread: what it writes is on disk when
 * it is answered, and several writes that belong together are one call with one transaction.
 */
import type { Database } from "../sqlite.ts";
import { AuditRoom } from "../audit/auditRoom.ts";
import { FreshnessRoom } from "../audit/freshnessRoom.ts";
import { AuditTable } from "./auditTable.ts";
import { ReceiptTable } from "./receiptTable.ts";
import { DeadLetterTable } from "./deadLetterTable.ts";
import { DeliveryQueue } from "./deliveryQueue.ts";
import { DeliveryStories } from "./deliveryStories.ts";
import { DestinationTable } from "./destinationTable.ts";
import { JobTable } from "./jobTable.ts";
import { PeopleTable } from "./peopleTable.ts";
import { TriggerTable } from "./triggerTable.ts";

const rooms = {
  audit: (database: Database) => new AuditTable(database),
  receipts: (database: Database) => new ReceiptTable(database),
  audits: (database: Database) => new AuditRoom(database),
  freshness: (database: Database) => new FreshnessRoom(database),
  destinations: (database: Database) => new DestinationTable(database),
  deliveries: (database: Database) => new DeliveryQueue(database),
  deliveryJobs: (database: Database) => new JobTable(database),
  deadLetters: (database: Database) => new DeadLetterTable(database),
  deliveryStories: (database: Database) => new DeliveryStories(database),
  people: (database: Database) => new PeopleTable(database),
  triggers: (database: Database) => new TriggerTable(database),
};

export type OpsRooms = { readonly [Room in keyof typeof rooms]: ReturnType<(typeof rooms)[Room]> };

export type RoomName = keyof OpsRooms;

/** The methods of a room, by name. */
export type CallName<Room extends RoomName> = {
  [Name in keyof OpsRooms[Room]]: OpsRooms[Room][Name] extends (...args: never[]) => unknown ? Name : never;
}[keyof OpsRooms[Room]] &
  string;

type Call<Room extends RoomName, Name extends CallName<Room>> = Extract<
  OpsRooms[Room][Name],
  (...args: never[]) => unknown
>;

export type CallArguments<Room extends RoomName, Name extends CallName<Room>> = Parameters<Call<Room, Name>>;

export type CallAnswer<Room extends RoomName, Name extends CallName<Room>> = ReturnType<Call<Room, Name>>;

/** A call as it crosses the thread's border. */
export interface RoomCall {
  readonly room: RoomName;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** Rooms over one open file, each made when it is first asked. */
export class OpenRooms {
  readonly #database: Database;
  readonly #made = new Map<RoomName, object>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Makes the call. Throws for a name that the room does not have. */
  answer({ room, name, args }: RoomCall): unknown {
    const made = this.#room(room);
    const call: unknown = Reflect.get(made, name);
    if (typeof call !== "function") throw new Error(`ops.db has no call ${room}.${name}`);
    return Reflect.apply(call, made, args);
  }

  #room(name: RoomName): object {
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const made = rooms[name](this.#database);
    this.#made.set(name, made);
    return made;
  }
}
