/**
 * foreman's Grafana dashboard, made from its rows. `node deploy/grafana/make.ts` writes it to
 * `dashboards/foreman.json`, which is what Grafana reads.
 */
import type { Dashboard, Panel, RowPanel, VariableModel } from '@grafana/schema'
import { type Draft, datasource } from './panels.ts'
import type { Plain } from './plain.ts'
import { delivery } from './rows/delivery.ts'
import { health } from './rows/health.ts'
import { llm } from './rows/llm.ts'
import { process } from './rows/process.ts'
import { queue } from './rows/queue.ts'
import { traffic } from './rows/traffic.ts'

const rows: readonly (readonly [title: string, drafts: readonly Draft[]])[] = [
  ['Health', health],
  ['Traffic', traffic],
  ['Queue', queue],
  ['LLM', llm],
  ['Delivery', delivery],
  ['Process', process]
]
const columns = 24

/** The whole dashboard. The same at every call. */
export function dashboard(): Plain<Dashboard> {
  return {
    uid: 'foreman',
    title: 'foreman',
    description:
      'One Ollama server, its queue, and who waits in it. What the series mean: docs/monitoring.md.',
    tags: ['foreman', 'ollama'],
    schemaVersion: 39,
    editable: true,
    // One cross hair in all graphs.
    graphTooltip: 1,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    templating: { list: variables() },
    annotations: { list: [] },
    panels: place()
  }
}

function variables(): Plain<VariableModel>[] {
  return [
    { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' },
    {
      name: 'instance',
      label: 'foreman',
      type: 'query',
      datasource,
      query: 'label_values(foreman_build_info, instance)',
      refresh: 2,
      sort: 1
    },
    {
      name: 'model',
      label: 'Model',
      type: 'query',
      datasource,
      query: 'label_values(foreman_jobs_created_total{instance="$instance"}, model)',
      refresh: 2,
      sort: 1,
      includeAll: true,
      allValue: '.*',
      multi: true
    }
  ]
}

// From left to right and from top to bottom; a row's title has a line of its own.
function place(): Plain<Panel | RowPanel>[] {
  const panels: Plain<Panel | RowPanel>[] = []
  let y = 0
  for (const [title, drafts] of rows) {
    const gridPos = { x: 0, y, w: columns, h: 1 }
    panels.push({ id: panels.length + 1, type: 'row', title, collapsed: false, gridPos, panels: [] })
    let x = 0
    y += 1
    for (const { width, height, panel } of drafts) {
      if (x + width > columns) {
        x = 0
        y += height
      }
      panels.push({ id: panels.length + 1, ...panel, gridPos: { x, y, w: width, h: height } })
      x += width
    }
    y += drafts[0]!.height
  }
  return panels
}
