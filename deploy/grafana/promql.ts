/** The few forms of PromQL that the dashboard is written in. All of them look at one foreman, that of `$instance`. */

const one = 'instance="$instance"'
/** Long enough for Grafana's step and Prometheus' scrapes, whatever they are. */
const window = '$__rate_interval'

/** The series `name` of this foreman; `where` are further matchers: `outcome="failed"`. */
export function series(name: string, where = ''): string {
  return `${name}{${[one, where].filter(part => part !== '').join(',')}}`
}

/** The same, of the chosen models. */
export function ofModel(name: string, where = ''): string {
  return series(name, ['model=~"$model"', where].filter(part => part !== '').join(','))
}

/** Growth of a counter a second, by the labels `by`. */
export function rate(counter: string, by = ''): string {
  return sum(`rate(${counter}[${window}])`, by)
}

/** Growth of a counter a minute: for what is rare. */
export function perMinute(counter: string, by = ''): string {
  return `60 * ${rate(counter, by)}`
}

/** A sum over everything but the labels `by`. */
export function sum(expr: string, by = ''): string {
  return by === '' ? `sum(${expr})` : `sum by (${by}) (${expr})`
}

/** The value that a `share` (0.95) of what a histogram saw stays below, by the labels `by`. */
export function quantile(share: number, histogram: string, by = ''): string {
  const buckets = histogram.replace('{', '_bucket{')
  return `histogram_quantile(${share}, ${rate(buckets, by === '' ? 'le' : `${by}, le`)})`
}

/** How many values fell into each bucket, for a heatmap. */
export function buckets(histogram: string): string {
  return sum(`increase(${histogram.replace('{', '_bucket{')}[${window}])`, 'le')
}
