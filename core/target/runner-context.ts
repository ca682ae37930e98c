/** `num_ctx` in the key of a runner: two runners of the same weights often differ in nothing else. */

const contextTerm = /([+,])num_ctx=([^,]+)/

/** The context that the key names; undefined where it is the target's own choice, or the key is none of a runner. */
export function contextOf(key: string): number | undefined {
  const found = contextTerm.exec(key)?.[2]
  return found === undefined ? undefined : Number(found)
}

/** The key of the same runner with this context, in the order in which `runnerOf` writes its terms. */
export function withContext(key: string, context: number): string {
  const [weights = '', rest = ''] = key.split('+', 2)
  const terms = rest.split(',').filter(term => term !== '' && !term.startsWith('num_ctx='))
  const attached = terms.filter(term => term.startsWith('with='))
  const others = terms.filter(term => !term.startsWith('with='))
  return `${weights}+${[...attached, `num_ctx=${context}`, ...others].join(',')}`
}

/** What the keys of all runners of the same weights begin with. */
export function weightsOf(key: string): string {
  return key.split('+', 1)[0]!
}
