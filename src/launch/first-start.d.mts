/** Resolves once the packages are there; ends the process where they cannot be had. */
export declare function installIfBare(): Promise<void>;
