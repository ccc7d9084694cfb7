// Paths as people write them. They know what a shell makes of `~`, but no shell has read a configuration file, a unit or `--data=~/ai`.
import { homedir, userInfo } from "node:os";
import { isAbsolute, resolve, sep } from "node:path";

/** A path that cannot be read as one. The message is a sentence with its name, the path and a remedy. */
export class PathError extends Error {
  override readonly name = "PathError";
}

const SLASH = sep === "\\" ? String.raw`[/\\]` : "/";
const HOME = new RegExp(`^~(?=${SLASH}|$)`);

/** What a name may not begin with, and why: taken as it is, it would silently become a new folder. */
const UNREADABLE: [RegExp, reason: string][] = [
  [/\p{Cc}/u, "It holds a control character, such as the end of a line. Take it out."],
  [/^\s*$/, "It names nothing. Write a path."],
  [/^~[^/\\]/, "The home folder of another user is not looked up. Write the path in full"],
  [/^\$(\w+|\{)|^%\w+%/, "No shell has put in the value of that variable. Write the path in full, or with ~"],
  [/^["']/, "The quotation marks are a part of it. Take them out"],
  [/^(file:|[a-z][a-z\d+.-]+:\/\/)/i, "It is an address. Write the path alone"],
];

/**
 * `~` at the beginning is the home folder of this user; what is relative counts from `folder`, which is the working folder if absent.
 * `name` is what the path was given as. Throws `PathError`.
 */
export function absolutePath(text: string, name: string, folder = "."): string {
  const [, reason] = UNREADABLE.find(([pattern]) => pattern.test(text)) ?? [];
  if (reason === undefined) return resolve(folder, text.replace(HOME, homeFolder));
  const remedy = reason.endsWith(".") ? reason : `${reason}; ./ before it means a file or folder of that very name.`;
  throw new PathError(`${name} is ${JSON.stringify(text)}. ${remedy}`);
}

/**
 * The folder of the variable `name`, in which relative paths are invalid: https://specifications.freedesktop.org/basedir-spec/latest/. One is
 * refused, not passed over, as files may lie where it leads. Throws `PathError`.
 */
export function absoluteFolder(text: string, name: string): string {
  const path = absolutePath(text, name);
  if (isAbsolute(text) || HOME.test(text)) return path;
  const reason = "It has to be an absolute path, as a relative one is another folder wherever ingle is started.";
  throw new PathError(`${name} is ${JSON.stringify(text)}. ${reason} Write ${JSON.stringify(path)}, or leave the variable out.`);
}

/** What accounts that have no home folder get for one, by the name that Debian gives it: nothing is there. */
const NO_HOME = "/nonexistent";

/** The home folder of this user; an empty HOME is none. */
export function homeFolder(): string {
  try {
    return homedir() || userInfo().homedir;
  } catch {
    return NO_HOME;
  }
}
