import { expect, test } from "bun:test";
import { setImmediate as nextRound } from "node:timers/promises";
import { inPieces, PIECE } from "../../src/http/pieces.ts";

test("of many bodies at once, no more than one piece is made before others have their turn", async () => {
  let made = 0;
  async function* parts() {
    for (let n = 0; n < 4; n++) {
      made++;
      yield "x".repeat(PIECE);
    }
  }
  const bodies = Array.from({ length: 20 }, () => new Response(inPieces(new Uint8Array(1), parts())).arrayBuffer());
  let most = 0;
  let over = false;
  const watch = (async () => {
    for (let before = made; !over; before = made) {
      await nextRound();
      most = Math.max(most, made - before);
    }
  })();
  const lengths = (await Promise.all(bodies)).map(({ byteLength }) => byteLength);
  over = true;
  await watch;
  expect(new Set(lengths)).toEqual(new Set([1 + 4 * PIECE]));
  expect([made, most]).toEqual([80, 1]);
});
