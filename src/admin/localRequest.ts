/** Does a request come from this machine itself? A proxy on the same machine must not make strangers look local. */
import { isLoopback } from "../lib/address.ts";

const loopbackHost = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?$/i;
/** A proxy adds one of these. */
const proxyHeaders = ["x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via"];

/** True for a request over a loopback socket, to a loopback name, that passed no proxy. */
export function isLocalRequest(request: Request, socketAddress: string): boolean {
  const { headers } = request;
  return (
    isLoopback(socketAddress) &&
    loopbackHost.test(headers.get("host") ?? "") &&
    !proxyHeaders.some((name) => headers.has(name))
  );
}
