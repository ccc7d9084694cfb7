import { expect, test } from "bun:test";
import { configurationPage } from "../../tools/docs/configuration.ts";

test('docs/configuration.md has every setting as it is ("npm run docs" writes it)', () => {
  const { now, current } = configurationPage();
  expect(now).toBe(current);
});
