/** Countries of addresses, from the content of a .mmdb file (MaxMind DB 2.0). */
import { isIP } from "node:net";
import { Reader, type CountryResponse } from "mmdb-lib";

/** The ISO 3166 code of an address's country; null: not known, or no address. */
export type CountryOf = (address: string) => string | null;

/** Null for what is no such file. */
export function openCountries(content: Uint8Array): CountryOf | null {
  let reader: Reader<CountryResponse>;
  try {
    reader = new Reader<CountryResponse>(Buffer.from(content.buffer, content.byteOffset, content.byteLength));
  } catch {
    return null;
  }
  return (address) => {
    if (isIP(address) === 0) return null;
    try {
      const found = reader.get(address);
      return found?.country?.iso_code ?? found?.registered_country?.iso_code ?? null;
    } catch {
      // An IPv6 address in a file of IPv4 networks, or a damaged record.
      return null;
    }
  };
}
