// The text of a small file of a data folder, whatever somebody has put in its place.
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { systemCodeOf } from "../../models/system-code.ts";
import { DamagedError } from "./faults.ts";

/** Bytes. */
const LARGEST = 64 * 1024;
// A pipe that nobody writes to would block the opening.
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Links are followed. Throws `DamagedError` for a pipe, a device, a socket and a large file, and otherwise what the disk throws. */
export async function readRegularFile(path: string): Promise<string> {
  const handle = await open(path, FLAGS).catch((error) => {
    // A socket, or a device without a driver.
    throw ["ENXIO", "ENODEV", "EOPNOTSUPP"].includes(systemCodeOf(error)) ? notRegular(path) : error;
  });
  try {
    const there = await handle.stat();
    if (there.isDirectory()) throw Object.assign(new Error(`${path} is a folder.`), { code: "EISDIR" });
    if (!there.isFile()) throw notRegular(path);
    if (there.size > LARGEST) throw new DamagedError(`${path} has ${there.size} bytes, more than ingle ever writes there.`);
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}

const notRegular = (path: string): DamagedError =>
  new DamagedError(`${path} is not a regular file, and none of ingle's. Move it away.`);
