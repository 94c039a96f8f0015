/** The operations that tell what to paste into an ESP. */
import { OperationFailed, type Operations } from "./admin/operation.ts";
import type { Shelf } from "./esp/content/shelf.ts";
import { vendorOf } from "./esp/vendors/vendors.ts";

export interface VendorOperationsDeps {
  /** Null: no content is configured. */
  readonly shelf: Shelf | null;
  /** Where callers reach this server. */
  readonly publicUrl: () => string;
}

export function vendorOperations({ shelf, publicUrl }: VendorOperationsDeps): Operations {
  return {
    "content.snippet": ({ esp, block: name, url }) => {
      const vendor = vendorOf(esp);
      if (vendor === null) throw new OperationFailed(`there is no ESP ${esp}`);
      if (shelf === null)
        throw new OperationFailed("no content is configured: content: { folder: ./content } in freshet.yaml");
      const block = shelf.get(name);
      if (block === null) return Promise.resolve(null);
      const { fallback, needs } = block.head;
      const snippet = vendor.snippet({
        block: name,
        publicUrl: (url ?? publicUrl()).replace(/\/+$/, ""),
        fallback,
        needs: needs.map((need) => need.name),
      });
      return Promise.resolve({ esp, name: vendor.name, reach: vendor.reach, how: vendor.how, ...snippet });
    },
  };
}
