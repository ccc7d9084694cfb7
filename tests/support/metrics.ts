// What GET /metrics says, as values by series: `ingle_slots{model="tiny"}` -> 2. Throws for a line that is none of the format.

export function seriesOf(text: string): Record<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("# "));
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^([a-z_]+(?:\{.*\})?) (\d+(?:\.\d+)?(?:e-?\d+)?)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`No line of Prometheus' format: ${line}`);
      return [name, Number(value)];
    }),
  );
}

/** The turns that are over, by outcome, phase and code: `cancelled queue` -> 1. */
export function turnsOf(text: string): Record<string, number> {
  const turns = Object.entries(seriesOf(text)).filter(([name]) => name.startsWith("ingle_turns_total"));
  return Object.fromEntries(
    turns.map(([name, count]) => {
      const labels = [...name.matchAll(/(outcome|phase|code)="([^"]*)"/g)].map(([, , value]) => value);
      return [labels.join(" ").trim(), count];
    }),
  );
}
