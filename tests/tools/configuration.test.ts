import { expect, test } from "bun:test";
import { configurationPage } from "../../tools/docs/configuration.ts";
import { parametersPage } from "../../tools/docs/parameters.ts";
import { runtimesPage } from "../../tools/docs/runtimes.ts";

test('docs/configuration.md has every setting as it is ("npm run docs" writes it)', () => {
  const { now, current } = configurationPage();
  expect(now).toBe(current);
});

test('docs/api.md has every parameter of chat as it is treated ("npm run docs" writes it)', async () => {
  const { now, current } = await parametersPage();
  expect(now).toBe(current);
});

test('docs/runtimes.md has what differs between runtimes as it is tested ("npm run docs" writes it)', () => {
  const { now, current } = runtimesPage();
  expect(now).toBe(current);
});
