// Bytes as text, where they are nothing but text.
import { DamagedError } from "./faults.ts";

/** A byte order mark is kept: it is not JSON. Throws `DamagedError` for what is not UTF-8. */
export function decodeText(bytes: Uint8Array | ArrayBuffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new DamagedError("It is not valid UTF-8.", { cause: error });
  }
}
