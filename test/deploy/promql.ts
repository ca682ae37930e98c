/** Reads PromQL with the grammar that Prometheus' own page is built on. */
import { parser } from '@prometheus-io/lezer-promql'

/** What an expression asks for. */
export interface Reading {
  /** False where a part of it is not PromQL. */
  readonly isValid: boolean
  /** The series it selects, each with the labels it selects them by. */
  readonly selectors: readonly { readonly metric: string; readonly labels: readonly string[] }[]
  /** The labels it groups or joins by. */
  readonly groupedBy: readonly string[]
}

/** Reads one. Variables of Grafana must be filled in. */
export function readPromql(expr: string): Reading {
  let isValid = true
  const selectors: { metric: string; labels: string[] }[] = []
  const groupedBy: string[] = []
  parser.parse(expr).iterate({
    enter(node) {
      const text = () => expr.slice(node.from, node.to)
      if (node.type.isError) isValid = false
      if (node.name === 'VectorSelector') selectors.push({ metric: '', labels: [] })
      if (node.name === 'Identifier') selectors.at(-1)!.metric = text()
      if (node.name !== 'LabelName') return
      if (node.node.parent?.name === 'GroupingLabels') groupedBy.push(text())
      else selectors.at(-1)!.labels.push(text())
    }
  })
  return { isValid, selectors, groupedBy }
}
