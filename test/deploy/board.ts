/** The shipped dashboard, as Grafana reads it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Dashboard, Panel, RowPanel } from '@grafana/schema'
import type { Plain } from '../../deploy/grafana/plain.ts'

/** The folder with everything that Grafana is given. */
export const grafanaDir = join(import.meta.dirname, '..', '..', 'deploy', 'grafana')

/** The dashboard. */
export const board = JSON.parse(
  readFileSync(join(grafanaDir, 'dashboards', 'foreman.json'), 'utf8')
) as Plain<Dashboard>

/** A query of a panel. */
export interface BoardQuery {
  readonly refId: string
  readonly panel: string
  readonly expr: string
  readonly legend: string
}

/** Its panels, without the titles of the rows. */
export const panels = (board.panels ?? []).filter(
  (panel: Plain<Panel | RowPanel>): panel is Plain<Panel> => panel.type !== 'row'
)

/** What all of them ask. */
export const queries: readonly BoardQuery[] = panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ refId, expr, legendFormat }) => ({
    refId: refId as string,
    panel: title!,
    expr: expr as string,
    legend: legendFormat as string
  }))
)

/** What stands in the place of Grafana's variables. */
export interface Variables {
  readonly instance: string
  readonly model: string
  readonly __rate_interval: string
}

/** An expression as Grafana sends it. @throws {Error} on a variable that the dashboard does not have */
export function filledIn(expr: string, variables: Variables): string {
  return expr.replace(/\$(\w+)/g, (whole, name: keyof Variables) => {
    const value = variables[name]
    if (value === undefined) throw new Error(`${whole} is no variable of the dashboard`)
    return value
  })
}

/** Some values, for what only has to be read. */
export const anyVariables: Variables = { instance: 'foreman:9464', model: '.*', __rate_interval: '1m' }
