/** Mailchimp Transactional as its reference tells of it, as far as the destination speaks to it. */
import type { DestinationFake, Person } from "../../conformance/destination.ts";

interface Sent {
  readonly key: string;
  readonly email?: string;
  readonly template_name?: string;
  readonly message?: { readonly to: readonly { readonly email: string }[] };
}

export class MailchimpTransactionalFake implements DestinationFake {
  readonly mails: Sent[] = [];
  readonly rejected = new Set<string>();
  /** Addresses that are never rejected. */
  readonly allowed = new Set<string>();

  answer(request: Request, body: string): Response {
    const sent = JSON.parse(body) as Sent;
    if (sent.key !== "md-secret-key") return error(401, "Invalid_Key", "Invalid API key");
    const { email = "" } = sent;
    switch (new URL(request.url).pathname) {
      case "/api/1.4/users/ping2":
        return Response.json({ PING: "PONG!" });
      case "/api/1.4/rejects/add": {
        const added = !this.allowed.has(email);
        if (added) this.rejected.add(email);
        return Response.json({ email, added });
      }
      case "/api/1.4/rejects/delete":
        if (!this.rejected.delete(email))
          return error(500, "Invalid_Reject", "The requested email is not in the rejection list");
        return Response.json({ email, deleted: true });
      case "/api/1.4/messages/send":
      case "/api/1.4/messages/send-template": {
        if (sent.template_name === "none") return error(500, "Unknown_Template", 'No such template "none"');
        const to = sent.message?.to[0]?.email ?? "";
        const result = { email: to, _id: String(this.mails.length) };
        if (this.rejected.has(to))
          return Response.json([{ ...result, status: "rejected", reject_reason: "custom" }]);
        this.mails.push(sent);
        return Response.json([{ ...result, status: "sent", reject_reason: null }]);
      }
      default:
        return error(500, "Unknown_Method", "There is no such method");
    }
  }

  fields(): null {
    return null;
  }

  isSuppressed({ email }: Person): boolean {
    return this.rejected.has(email);
  }
}

function error(status: number, name: string, message: string): Response {
  return Response.json({ status: "error", code: -1, name, message }, { status });
}
