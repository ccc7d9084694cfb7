/** A schema, or a pattern, that no grammar can hold. The message is for the client. */
export class UnsupportedSchema extends Error {
  override readonly name = "UnsupportedSchema";
  /** JSON pointer of the schema that has the keyword, from the root of the whole. */
  readonly pointer: string;
  /** Empty where the schema as a whole is at fault. */
  readonly keyword: string;
  readonly reason: string;

  constructor(pointer: string, keyword: string, reason: string) {
    const place = `${keyword === "" ? "The schema" : `"${keyword}"`} at "${pointer === "" ? "/" : pointer}"`;
    super(`${place} cannot be enforced: ${reason}.`);
    this.pointer = pointer;
    this.keyword = keyword;
    this.reason = reason;
  }
}

/** A keyword that is passed over unless the client sends `strict`. */
export function refusedByStrict(pointer: string, keyword: string, reason: string): UnsupportedSchema {
  return new UnsupportedSchema(pointer, keyword, `${reason}. Without "strict": true it is passed over`);
}
