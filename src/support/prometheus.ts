// Counters and histograms in Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/
// Written by hand: prom-client would add 44 to 89 ms to a start (`bench:start`, column `listening`), a third of the whole.

/** The values of a series' labels, in the order of their names. */
type Labels = readonly string[];

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export interface Series {
  observe(value: number): void;
}

interface Family {
  lines(): string[];
  keep(kept: (labels: Labels) => boolean): void;
}

export function createRegistry() {
  const families: Family[] = [];

  const add = (name: string, help: string, type: string, { lines, keep }: Family): void => {
    const head = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
    families.push({ keep, lines: () => [...head, ...lines()] });
  };

  return {
    counter(name: string, help: string, names: Labels) {
      const series = createSeries(() => ({ total: 0 }));
      const line = ([labels, { total }]: [Labels, { total: number }]): string => `${name}${labelList(names, labels)} ${total}`;
      add(name, help, "counter", { keep: series.keep, lines: () => series.entries().map(line) });
      return { add: (labels: Labels, by = 1): void => void (series.at(labels).total += by) };
    },
    /** `bounds`: the upper ends of its buckets, ascending; the last one, without end, is added. */
    histogram(name: string, help: string, names: Labels, bounds: readonly number[]) {
      const series = createSeries(() => ({ counts: Array.from(bounds, () => 0), count: 0, sum: 0 }));
      const lines = ([labels, { counts, count, sum }]: ReturnType<typeof series.entries>[number]): string[] => {
        const bucket = (le: string, at: number): string => `${name}_bucket${labelList([...names, "le"], [...labels, le])} ${at}`;
        const own = labelList(names, labels);
        // A bucket counts the values of all smaller buckets too.
        let total = 0;
        const buckets = bounds.map((bound, i) => bucket(String(bound), (total += counts[i]!)));
        return [...buckets, bucket("+Inf", count), `${name}_sum${own} ${sum}`, `${name}_count${own} ${count}`];
      };
      add(name, help, "histogram", { keep: series.keep, lines: () => series.entries().flatMap(lines) });
      const observe = (buckets: { counts: number[]; count: number; sum: number }, value: number): void => {
        buckets.count++;
        buckets.sum += value;
        let index = 0;
        while (index < bounds.length && value > bounds[index]!) index++;
        if (index < bounds.length) buckets.counts[index]!++;
      };
      return {
        observe: (labels: Labels, value: number): void => observe(series.at(labels), value),
        /** One of its series, for many values: it is not looked for with each, and is not to be dropped. */
        series(labels: Labels): Series {
          const buckets = series.at(labels);
          return { observe: (value) => observe(buckets, value) };
        },
      };
    },
    /** `read` is called for each `text()`. */
    gauge(name: string, help: string, names: Labels, read: () => [Labels, number][]): void {
      const line = ([labels, value]: [Labels, number]): string => `${name}${labelList(names, labels)} ${value}`;
      add(name, help, "gauge", { keep: () => {}, lines: () => read().map(line) });
    },
    /** Drops the series for whose labels `kept` is false. */
    keep: (kept: (labels: Labels) => boolean): void => families.forEach((family) => family.keep(kept)),
    text: (): string => `${families.flatMap((family) => family.lines()).join("\n")}\n`,
  };
}

function createSeries<T>(createValue: () => T) {
  const byLabels = new Map<string, [Labels, T]>();
  return {
    entries: () => [...byLabels.values()],
    at(labels: Labels): T {
      const key = labels.join("\0");
      const [, found] = byLabels.get(key) ?? [];
      if (found !== undefined) return found;
      const value = createValue();
      byLabels.set(key, [labels, value]);
      return value;
    },
    keep(kept: (labels: Labels) => boolean): void {
      for (const [key, [labels]] of byLabels) if (!kept(labels)) byLabels.delete(key);
    },
  };
}

function labelList(names: Labels, values: Labels): string {
  if (names.length === 0) return "";
  return `{${names.map((name, i) => `${name}="${escapeLabel(values[i]!)}"`).join(",")}}`;
}

const escapeLabel = (value: string): string => value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
