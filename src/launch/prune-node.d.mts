/** Whether ingle does without a file, by its path within the package. */
export declare function isUnused(name: string, path: string): boolean;
/** Removes from the packages of Node in a node_modules what ingle does without. */
export declare function pruneNode(modules: string): void;
