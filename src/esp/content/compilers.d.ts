/** What we use of two packages that come without types. */
declare module "mjml-browser" {
  const mjml: (
    text: string,
    options: { readonly fonts: object; readonly validationLevel: "soft" },
  ) => Promise<{
    readonly html: string;
    readonly errors: readonly { readonly line: number; readonly message: string }[];
  }>;
  export default mjml;
}

declare module "juice/client" {
  const juice: (
    html: string,
    options: {
      readonly preserveMediaQueries: boolean;
      readonly applyWidthAttributes: boolean;
      readonly applyHeightAttributes: boolean;
    },
  ) => string;
  export default juice;
}
