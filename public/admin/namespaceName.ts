/** Live or test data, as the page's API is asked for it. */
export type NamespaceName = "live" | "test";
