// The system's word for an error, from what each runtime makes of it.
import { expect, test } from "bun:test";
import { constants } from "node:os";
import { isDiskFull, systemCodeOf } from "../../models/system-code.ts";

const quota = -constants.errno.EDQUOT;

test.each([
  ["Bun", { code: "EDQUOT", errno: quota, message: "EDQUOT: unknown error, write" }],
  ["Node", { code: `Unknown system error ${quota}`, errno: quota, message: `Unknown system error ${quota}, write` }],
  ["Node, at once", { code: "UNKNOWN", errno: quota, message: "UNKNOWN: unknown error, write" }],
  ["Deno, at once", { message: `Disk quota exceeded (os error ${-quota})` }],
])("a used-up quota is EDQUOT, as %s tells it", (_, error) => {
  expect([systemCodeOf(error), isDiskFull(error)]).toEqual(["EDQUOT", true]);
});

test.each([
  ["ENOSPC", true, { code: "ENOSPC", errno: -28 }],
  ["ERR_INVALID_ARG_TYPE", false, { code: "ERR_INVALID_ARG_TYPE", message: "(os error 122)" }],
  ["UNKNOWN", false, { code: "UNKNOWN", errno: -4094, message: "UNKNOWN: unknown error" }],
  ["", false, { message: "It says (os error 122) in the middle." }],
  ["", false, undefined],
  ["", false, "text"],
] as [string, boolean, unknown][])("an error keeps its own name: %j", (code, full, error) => {
  expect([systemCodeOf(error), isDiskFull(error)]).toEqual([code, full]);
});
