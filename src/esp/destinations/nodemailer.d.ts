/** What we use of nodemailer, which comes without types. */
declare module "nodemailer" {
  export interface MailMessage {
    readonly from: string;
    readonly to: { readonly name: string; readonly address: string };
    readonly replyTo?: string;
    readonly subject: string;
    readonly html?: string;
    readonly text?: string;
    readonly messageId: string;
    readonly date?: Date;
    readonly headers: Readonly<Record<string, string>>;
  }

  export interface SentMail {
    readonly response: string;
  }

  export interface Transport {
    sendMail(message: MailMessage): Promise<SentMail>;
    verify(): Promise<true>;
    close(): void;
  }

  export function createTransport(options: object): Transport;
}
