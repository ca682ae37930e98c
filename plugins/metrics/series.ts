/** What all series have in common: where they are registered, and that they are there from the start, at zero. */
import {
  Counter,
  type CounterConfiguration,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
  type Registry
} from 'prom-client'

/** Values that each label may have. */
export type LabelValues<Name extends string> = Readonly<Record<Name, readonly string[]>>

type Without<T> = Omit<T, 'registers'>

/** Makes series in one registry. */
export class Series {
  readonly #registry: Registry

  constructor(registry: Registry) {
    this.#registry = registry
  }

  counter<Name extends string>(options: Without<CounterConfiguration<Name>>): Counter<Name> {
    return new Counter({ ...options, registers: [this.#registry] })
  }

  gauge<Name extends string>(options: Without<GaugeConfiguration<Name>>): Gauge<Name> {
    return new Gauge({ ...options, registers: [this.#registry] })
  }

  histogram<Name extends string>(options: Without<HistogramConfiguration<Name>>): Histogram<Name> {
    return new Histogram({ ...options, registers: [this.#registry] })
  }

  /** A counter whose count is kept elsewhere; `read` is asked at each scrape, and what it counts must not go down. */
  countedElsewhere(name: string, help: string, read: () => number): Counter {
    let shown = 0
    return this.counter({
      name,
      help,
      collect() {
        // An estimate of the past may be corrected downwards; for a counter that would mean a restart.
        const more = Math.max(0, read() - shown)
        shown += more
        this.inc(more)
      }
    })
  }
}

/** `read`, asked once for all series of a scrape that show a part of what it gives. */
export function oneLook<T>(read: () => T): () => T {
  let seen: { value: T } | undefined
  return () => {
    if (seen === undefined) {
      seen = { value: read() }
      setImmediate(() => {
        seen = undefined
      })
    }
    return seen.value
  }
}

/** Makes a series for each combination of values, at zero: what has not happened yet can be told from what is not counted. */
export function startAtZero<Name extends string>(
  metric: Counter<Name> | Histogram<Name>,
  values: LabelValues<Name>
): void {
  for (const labels of combinations(values)) {
    if (metric instanceof Histogram) metric.zero(labels)
    else metric.inc(labels, 0)
  }
}

/** Removes the series of all these combinations. */
export function remove<Name extends string>(
  metric: Counter<Name> | Histogram<Name>,
  values: LabelValues<Name>
): void {
  for (const labels of combinations(values)) metric.remove(labels)
}

function combinations<Name extends string>(values: LabelValues<Name>): Record<Name, string>[] {
  const entries = Object.entries(values) as [Name, readonly string[]][]
  return entries.reduce<Record<string, string>[]>(
    (sofar, [name, list]) => sofar.flatMap(labels => list.map(value => ({ ...labels, [name]: value }))),
    [{}]
  ) as Record<Name, string>[]
}
