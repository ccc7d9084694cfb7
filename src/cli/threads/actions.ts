/** What `ingle threads` does with threads, the first where nothing is said. */
export const THREAD_ACTIONS = ["list", "show", "continue", "export", "delete"] as const;
