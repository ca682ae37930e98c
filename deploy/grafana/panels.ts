/**
 * The three kinds of panels that foreman's dashboard is made of, with what they have in common.
 *
 * Types are those of `@grafana/schema`. Nothing of that package is needed at run time.
 */
import type { FieldConfig, GraphFieldConfig, Panel, Threshold, ValueMapping } from '@grafana/schema'
import type { Options as HeatmapOptions } from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen'
import type { Options as StatOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen'
import type { Options as GraphOptions } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen'
import type { Plain } from './plain.ts'

/** A panel without its place: the rows give that. `width` is in columns, of which a row has 24. */
export interface Draft {
  readonly width: number
  readonly height: number
  readonly panel: Omit<Plain<Panel>, 'id' | 'gridPos'>
}

/** What is asked: PromQL, and the name of its lines, in which `{{label}}` is filled in. */
export type Query = readonly [legend: string, expr: string]

/** What every panel says. */
export interface Words {
  readonly title: string
  /** What the reader learns from it, and what is good and bad. */
  readonly description: string
  /** Grafana's name of the unit: `s`, `bytes`, `percentunit`, `short`, `cps` … */
  readonly unit: string
  readonly queries: readonly Query[]
  /** Values from which on a color holds; the first one has no value. Green throughout unless given. */
  readonly thresholds?: readonly Plain<Threshold>[]
  readonly min?: number
  readonly max?: number
  readonly decimals?: number
  /** Defaults to 8 of the 24 columns, a stat to 4. */
  readonly width?: number
}

/** A number in large type. */
export interface StatWords extends Words {
  /** Words for values: `{ 1: ['up', 'green'] }`. */
  readonly texts?: Readonly<Record<string, readonly [text: string, color: string]>>
  /** The label is shown in the place of the value. */
  readonly showsLegend?: boolean
}

/** Lines over time. */
export interface GraphWords extends Words {
  /** Lines on top of each other; `percent` makes each moment add up to all. */
  readonly stacked?: 'normal' | 'percent'
  /** Draws the thresholds as lines. */
  readonly showsThresholds?: boolean
}

/** The Prometheus that was chosen on the page. */
export const datasource = { type: 'prometheus', uid: '$datasource' }
const green: readonly Plain<Threshold>[] = [{ color: 'green', value: null }]

/** A number in large type: the newest value, with the line of its past behind it. */
export function stat(words: StatWords): Draft {
  const mappings: Plain<ValueMapping>[] = words.texts === undefined ? [] : [mappingOf(words.texts)]
  const options: Plain<StatOptions> = {
    colorMode: 'value',
    graphMode: words.texts === undefined && !words.showsLegend ? 'area' : 'none',
    justifyMode: 'auto',
    orientation: 'auto',
    percentChangeColorMode: 'standard',
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    showPercentChange: false,
    textMode: words.showsLegend ? 'name' : 'value',
    wideLayout: true
  }
  return draft('stat', { width: 4, ...words }, 4, options, { mappings, color: { mode: 'thresholds' } })
}

/** Lines over time. */
export function graph(words: GraphWords): Draft {
  const custom: Plain<GraphFieldConfig> = {
    drawStyle: 'line',
    lineWidth: 1,
    fillOpacity: words.stacked ? 40 : 8,
    showPoints: 'never',
    stacking: { group: 'A', mode: words.stacked ?? 'none' },
    thresholdsStyle: { mode: words.showsThresholds ? 'dashed' : 'off' }
  }
  const options: Plain<GraphOptions> = {
    legend: { calcs: ['lastNotNull', 'max'], displayMode: 'table', placement: 'bottom', showLegend: true },
    tooltip: { mode: 'multi', sort: 'desc' }
  }
  return draft('timeseries', words, 8, options, { custom: { ...custom }, color: { mode: 'palette-classic' } })
}

/** How many values fell into which bucket of a histogram, over time. The query asks for its buckets by `le`. */
export function heatmap(words: Words): Draft {
  const options: Plain<HeatmapOptions> = {
    calculate: false,
    cellGap: 1,
    color: {
      exponent: 0.5,
      fill: 'dark-orange',
      mode: 'scheme',
      reverse: false,
      scheme: 'Oranges',
      steps: 32
    },
    exemplars: { color: 'rgba(255,0,255,0.7)' },
    legend: { show: true },
    rowsFrame: { layout: 'auto' },
    showValue: 'never',
    tooltip: { mode: 'single', yHistogram: false },
    yAxis: { axisPlacement: 'left', unit: words.unit }
  }
  const made = draft('heatmap', words, 8, options, {})
  const targets = made.panel.targets?.map(target => ({ ...target, format: 'heatmap' }))
  return { ...made, panel: { ...made.panel, targets } }
}

function draft(
  type: string,
  { title, description, unit, queries, thresholds = green, min, max, decimals, width = 8 }: Words,
  height: number,
  options: object,
  more: Partial<Plain<FieldConfig>>
): Draft {
  const targets = queries.map(([legendFormat, expr], at) => {
    const refId = String.fromCharCode('A'.charCodeAt(0) + at)
    return { refId, datasource, expr, legendFormat, range: true }
  })
  const steps = [...thresholds]
  const limits = Object.fromEntries(
    Object.entries({ min, max, decimals }).filter(([, value]) => value !== undefined)
  )
  const defaults = { ...more, unit, ...limits, thresholds: { mode: 'absolute' as const, steps } }
  const fieldConfig = { defaults, overrides: [] }
  const panel = { type, title, description, datasource, fieldConfig, options: { ...options }, targets }
  return { width, height, panel }
}

function mappingOf(texts: NonNullable<StatWords['texts']>): Plain<ValueMapping> {
  const entries = Object.entries(texts)
  const options = entries.map(([value, [text, color]], index) => [value, { text, color, index }])
  return { type: 'value', options: Object.fromEntries(options) }
}
