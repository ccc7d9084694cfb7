// How the parts of one model are named.
import { expect, test } from "bun:test";
import { allParts, partOf, withoutPart } from "../../models/split-gguf.ts";

test.each([
  ["m-00001-of-00003.gguf", { no: 1, count: 3 }],
  ["/a/m-Q4-00002-of-00002.GGUF", { no: 2, count: 2 }],
  ["https://a.example/m-00001-of-00002.gguf?download=true", { no: 1, count: 2 }],
  ["m.gguf", { no: 1, count: 1 }],
  ["m-1-of-3.gguf", { no: 1, count: 1 }],
  ["/m-00001-of-00002.gguf/x.gguf", { no: 1, count: 1 }],
])("%s is the part %p", (name, part) => expect(partOf(name)).toEqual(part));

test("all parts are named from any of them, and a file in one piece alone", () => {
  const all = ["m-00001-of-00003.gguf?a=b", "m-00002-of-00003.gguf?a=b", "m-00003-of-00003.gguf?a=b"];
  for (const name of all) expect(allParts(name)).toEqual(all);
  for (const name of ["m.gguf", "m-00001-of-00001.gguf", "m-00001-of-09999.gguf"]) expect(allParts(name)).toEqual([name]);
});

test("the name of the whole is that of a part without its number", () => {
  expect(withoutPart("a/m-00001-of-00003.gguf")).toBe("a/m.gguf");
  expect(withoutPart("a/m.gguf")).toBe("a/m.gguf");
});
