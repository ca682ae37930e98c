/** Reads what a scrape answers: Prometheus' text format, as far as foreman uses it. */

/** All series of one name. */
export interface Family {
  readonly type: string
  /** Names of the labels of its samples, sorted; without the `le` of a histogram. Undefined where it has no sample. */
  readonly labels: readonly string[] | undefined
  /** The values that each label has. */
  readonly values: ReadonlyMap<string, ReadonlySet<string>>
}

const sampleLine = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g

/** The families of a scrape, by name. @throws {Error} on a line that it cannot read */
export function readExposition(text: string): Map<string, Family> {
  const families = new Map<string, { type: string; samples: Map<string, string>[] }>()
  for (const line of text.split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (\w+)$/.exec(line) ?? []
    if (name !== undefined) families.set(name, { type: type!, samples: [] })
    if (line === '' || line.startsWith('#')) continue
    const [, sample, labels = ''] = sampleLine.exec(line) ?? []
    const family = sample === undefined ? undefined : (families.get(sample) ?? families.get(familyOf(sample)))
    if (family === undefined) throw new Error(`not a sample of a declared series: ${line}`)
    family.samples.push(new Map([...labels.matchAll(label)].map(([, key, value]) => [key!, value!])))
  }
  return new Map([...families].map(([name, { type, samples }]) => [name, summed(type, samples)]))
}

/** The name under which the parts of a histogram are declared. */
export function familyOf(sample: string): string {
  return sample.replace(/_(bucket|sum|count)$/, '')
}

function summed(type: string, samples: readonly Map<string, string>[]): Family {
  const values = new Map<string, Set<string>>()
  for (const [key, value] of samples.flatMap(sample => [...sample])) {
    values.set(key, (values.get(key) ?? new Set()).add(value))
  }
  const names = [...values.keys()].filter(name => !(type === 'histogram' && name === 'le')).sort()
  return { type, labels: samples.length === 0 ? undefined : names, values }
}
