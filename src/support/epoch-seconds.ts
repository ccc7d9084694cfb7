/** Whole seconds since 1970. */
export const epochSeconds = (): number => Math.floor(Date.now() / 1000);
