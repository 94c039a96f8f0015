/** The thread of ops.db. */
import type { OpsCall } from "../store/ops/opsDesk.ts";
import { OpsThread } from "../store/ops/opsThread.ts";

declare const self: Worker;

const thread = new OpsThread();

self.onmessage = (event: MessageEvent<OpsCall>) => postMessage(thread.receive(event.data));
