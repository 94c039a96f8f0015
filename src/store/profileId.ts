/** Public profileIds: a scrambled form of the profile's number, so that they tell nothing of how many profiles there are. */

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** Profile numbers are journal seqs; two halves of 20 bits are a trillion events. */
const halfBits = 20;
const halfMask = (1 << halfBits) - 1;
const rounds = 4;

/** Converts between profile numbers and profileIds of one journal, both ways without a table. */
export interface ProfileIds {
  encode(pid: number): string;
  /** Null for anything that encode() doesn't make. */
  decode(profileId: string): number | null;
}

/** A Feistel permutation of 40 bits keyed by the journal's id, written in Crockford's base 32. */
export function profileIds(journalId: string): ProfileIds {
  const keys = Array.from({ length: rounds }, (_, round) => Bun.hash.murmur32v3(`${journalId}/${round}`) | 0);
  const scramble = (half: number, round: number) => {
    let mixed = Math.imul(half ^ (keys[round] ?? 0), 0x45d9f3b);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
    return (mixed ^ (mixed >>> 13)) & halfMask;
  };
  const encode = (pid: number) => {
    let left = Math.floor(pid / (halfMask + 1));
    let right = pid & halfMask;
    for (let round = 0; round < rounds; round += 1) [left, right] = [right, left ^ scramble(right, round)];
    return `prf_${digits(left)}${digits(right)}`;
  };
  const decode = (profileId: string) => {
    if (!/^prf_[0-9A-HJKMNP-TV-Z]{8}$/.test(profileId)) return null;
    let left = undigits(profileId.slice(4, 8));
    let right = undigits(profileId.slice(8));
    for (let round = rounds - 1; round >= 0; round -= 1)
      [left, right] = [right ^ scramble(left, round), left];
    return left * (halfMask + 1) + right;
  };
  return { encode, decode };
}

function digits(half: number): string {
  let text = "";
  for (let shift = halfBits - 5; shift >= 0; shift -= 5) text += alphabet[(half >>> shift) & 31];
  return text;
}

function undigits(text: string): number {
  let half = 0;
  for (const character of text) half = half * 32 + alphabet.indexOf(character);
  return half;
}
