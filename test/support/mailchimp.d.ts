/** What tests use of Mailchimp's own client, which comes without types. */
declare module "@mailchimp/mailchimp_marketing" {
  interface Lenient {
    readonly skipMergeValidation?: boolean;
    readonly skipDuplicateCheck?: boolean;
  }
  interface Partly {
    readonly fields?: readonly string[];
    readonly count?: number;
  }
  const client: {
    basePath: string;
    setConfig(config: { readonly apiKey: string }): void;
    readonly lists: {
      batchListMembers(list: string, body: object, options: Lenient): Promise<unknown>;
      setListMember(list: string, hash: string, body: object, options: Lenient): Promise<unknown>;
      updateListMember(list: string, hash: string, body: object, options: Lenient): Promise<unknown>;
      deleteListMember(list: string, hash: string): Promise<unknown>;
      deleteListMemberPermanent(list: string, hash: string): Promise<unknown>;
      getListMember(list: string, hash: string, options: Partly): Promise<unknown>;
      updateListMemberTags(list: string, hash: string, body: object): Promise<unknown>;
      createListMemberEvent(list: string, hash: string, body: object): Promise<unknown>;
      getListMergeFields(list: string, options: Partly): Promise<unknown>;
      addListMergeField(list: string, body: object): Promise<unknown>;
    };
  };
  export default client;
}
