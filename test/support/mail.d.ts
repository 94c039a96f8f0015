/** What tests use of two packages that come without types. */
declare module "smtp-server" {
  export class SMTPServer {
    constructor(options: {
      authOptional: boolean;
      disabledCommands: string[];
      logger: boolean;
      secure: boolean;
      onData: (
        stream: {
          on(event: "data", act: (chunk: Uint8Array) => void): void;
          on(event: "end", act: () => void): void;
        },
        session: { readonly id: string },
        done: (error?: unknown) => void,
      ) => void;
    });
    readonly server: { address(): { port: number } };
    readonly connections: ReadonlySet<{ readonly id: string; readonly _socket: { destroy(): void } }>;
    on(event: "error", act: (error: Error) => void): void;
    listen(port: number, host: string, act: () => void): void;
    close(act: () => void): void;
  }
}

declare module "mailparser" {
  export function simpleParser(raw: Uint8Array): Promise<{
    to?: { text: string };
    subject?: string;
    html: string | false;
    text?: string;
    messageId?: string;
    headers: Map<string, unknown>;
  }>;
}
