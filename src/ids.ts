// Ids that grow with time, so that sorting by id is sorting by age.
import { monotonicFactory } from "ulid";

const next = monotonicFactory();

/** `prefix` and 26 lower-case characters: `chatcmpl-01jd…`. */
export const newId = (prefix: string): string => prefix + next().toLowerCase();
