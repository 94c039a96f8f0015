/** What a row needs and this machine does not have. The run says so in a sentence and exits with 2. */
export class NotHere extends Error {
  override readonly name = "NotHere";
}
