// What is known of a model's files by its record alone.
import type { Model, ModelFile } from "./manifest.ts";

/** The files that hold weights: no projector, no other companion. */
export const weightFilesOf = ({ files }: Model): ModelFile[] => files.filter(({ role }) => role === undefined);

/** In bytes, as far as they are known. */
export const totalBytes = (files: ModelFile[]): number => files.reduce((sum, { size = 0 }) => sum + size, 0);
