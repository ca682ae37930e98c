/** Reads an exposition as a test wants it: values by series. */

/** What one scrape showed. */
export interface Scrape {
  readonly text: string
  /** Every sample, by its name and sorted labels: `name{a="1",b="2"}`. */
  readonly samples: ReadonlyMap<string, number>
  /** The value of a series; undefined where there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined
  /** Sum over all series of a name whose labels have these values. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number
}

/** Scrapes `${url}/metrics`. @throws where that is not answered with 200 */
export async function scrape(url: string, headers: Record<string, string> = {}): Promise<Scrape> {
  const res = await fetch(`${url}/metrics`, { headers })
  const text = await res.text()
  if (res.status !== 200) throw new Error(`GET /metrics answered ${res.status}: ${text}`)
  return parse(text)
}

/** Reads the text format. */
export function parse(text: string): Scrape {
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name !== undefined) samples.set(keyOf(name, readLabels(labels)), Number(value))
  }
  return {
    text,
    samples,
    value: (name, labels = {}) => samples.get(keyOf(name, labels)),
    sum: (name, labels = {}) => {
      const matching = [...samples].filter(
        ([key]) =>
          (key === name || key.startsWith(`${name}{`)) &&
          Object.entries(labels).every(([label, value]) => key.includes(`${label}="${value}"`))
      )
      return matching.reduce((sum, [, value]) => sum + value, 0)
    }
  }
}

function readLabels(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)]
  return Object.fromEntries(pairs.map(([, name, value]) => [name!, value!]))
}

function keyOf(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, value]) => `${label}="${value}"`)
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`
}
