// Two sides in alternating pairs: each row of the table is the mean of the paired ratios with its 95 % interval.

/** `rate` of each side in turn, the first of a pair being another one each time; the ratios of side 0 to side 1. */
export async function pairedRatios(
  { pairs, warm_up }: { pairs: number; warm_up: number },
  rate: (side: 0 | 1, pair: number) => Promise<number>,
): Promise<number[]> {
  const found: number[] = [];
  for (let pair = -warm_up; pair < pairs; pair++) {
    const order = pair % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
    const rates = [0, 0];
    for (const side of order) rates[side] = await rate(side, pair);
    if (pair >= 0) found.push(rates[0]! / rates[1]!);
  }
  return found;
}

const WIDTH = 60;

export function printHeads(): void {
  console.log(`| ${"row".padEnd(WIDTH)} | ratio | 95 % interval | pairs | goal |`);
  console.log(`| ${"-".repeat(WIDTH)} | ----- | ------------- | ----- | ---- |`);
}

/** Student's t for 95 % of both sides, by degrees of freedom; beyond the table that of a normal distribution. */
const T = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.1, 2.09, 2.09];

/** `goal`: what the mean is to reach. */
export function printRatios(row: string, values: number[], goal?: number): void {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  const half = (T[values.length - 2] ?? 2.0) * Math.sqrt(variance / values.length);
  const [low, high] = [mean - half, mean + half].map((value) => value.toFixed(3));
  const reached = goal === undefined ? "" : `≥ ${goal}: ${mean >= goal ? "yes" : "no"}`;
  console.log(`| ${row.padEnd(WIDTH)} | ${mean.toFixed(3)} | ${low} – ${high} | ${values.length} | ${reached} |`);
}
