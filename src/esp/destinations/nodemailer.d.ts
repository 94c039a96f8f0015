/** What we use of nodemailer, which comes without types. */
declare module "nodemailer" {
  /** Ours, carried along: whether anybody began to read the mail as it goes out. */
  export interface MailProgress {
    wasBegun: () => boolean;
  }

  export interface CompiledMail {
    readonly data: { readonly progress: MailProgress };
    readonly message: {
      createReadStream: (options?: unknown) => { readonly readableDidRead: boolean };
    };
  }

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
    readonly progress: MailProgress;
  }

  export interface SentMail {
    readonly response: string;
  }

  export interface Transport {
    sendMail(message: MailMessage): Promise<SentMail>;
    use(step: "stream", plugin: (mail: CompiledMail, next: () => void) => void): void;
    verify(): Promise<true>;
    close(): void;
  }

  export function createTransport(options: object): Transport;
}
