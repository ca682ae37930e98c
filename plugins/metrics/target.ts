/** Series of the target: whether it answers, how calls to it end, and what it has in memory. */
import type { FastifyInstance } from 'fastify'
import { isForemanError } from '../../core/errors.ts'
import type { TargetCall } from '../../core/target/client.ts'
import { CappedLabels } from './capped-labels.ts'
import type { ModelLabels } from './model-labels.ts'
import type { Series } from './series.ts'

const secondMs = 1000
/** Of endpoint and code: far more than calls have, few enough for whoever stores them. */
const mostCombinations = 100

/** Watches calls from here on, and looks at what is loaded at each scrape. */
export function addTargetSeries(app: FastifyInstance, series: Series, models: ModelLabels): void {
  series.gauge({
    name: 'foreman_target_up',
    help: '0 while the target is known to be away.',
    collect() {
      this.set(app.reachability.state.status === 'down' ? 0 : 1)
    }
  })
  series.gauge({
    name: 'foreman_target_silence_seconds',
    help: 'Time since the last byte of the running answer, or since its request; 0 where nothing runs, or a model is loaded.',
    collect() {
      this.set(app.queue.silentMs / secondMs)
    }
  })
  addCalls(app, series)
  addLoaded(app, series, models)
}

function addCalls(app: FastifyInstance, series: Series): void {
  const requests = series.counter({
    name: 'foreman_target_requests_total',
    help: 'Calls to the target, those of foreman itself included, by how they ended.',
    labelNames: ['endpoint', 'code']
  })
  const labels = new CappedLabels(mostCombinations)
  app.telemetry.on('targetCall', call => {
    const [endpoint, code] = labels.of(endpointOf(call), codeOf(call))
    requests.inc({ endpoint, code })
  })
}

/** Routes of the target with a name in their path. */
const templates: readonly (readonly [prefix: string, route: string])[] = [
  ['/api/blobs/', '/api/blobs/:digest'],
  ['/v1/models/', '/v1/models/:model'],
  ['/api/user/keys/', '/api/user/keys/:key']
]

/** The path, without what clients put into it. */
function endpointOf({ path }: TargetCall): string {
  const [address = path] = path.split('?', 1)
  return templates.find(([prefix]) => address.startsWith(prefix))?.[1] ?? address
}

const timeouts: ReadonlySet<string> = new Set(['run_timeout', 'stalled', 'load_timeout'])

function codeOf({ status, error, saysError }: TargetCall): string {
  if (error !== undefined && error.kind !== 'status') {
    if (error.kind === 'refused') return 'connect'
    if (error.kind === 'unreachable') return 'timeout'
    if (error.kind !== 'aborted') return 'stream_error'
    return wasTimeout(error.cause) ? 'timeout' : '499'
  }
  if (saysError) return 'stream_error'
  if (status === 499 || status === 503) return String(status)
  return `${Math.floor((status ?? 0) / 100)}xx`
}

function wasTimeout(reason: unknown): boolean {
  if (isForemanError(reason)) return timeouts.has(reason.wireCode)
  return reason instanceof Error && reason.name === 'TimeoutError'
}

function addLoaded(app: FastifyInstance, series: Series, models: ModelLabels): void {
  series.gauge({
    name: 'foreman_target_model_loaded',
    help: 'Models in the memory of the target, when it was last looked at.',
    labelNames: ['model'],
    collect() {
      this.reset()
      for (const { name } of app.loadedModels.models) this.inc({ model: models.of(name) })
    }
  })
  series.gauge({
    name: 'foreman_target_model_vram_bytes',
    help: 'What they take of the memory of the GPU.',
    labelNames: ['model'],
    collect() {
      this.reset()
      for (const { name, vramBytes } of app.loadedModels.models)
        this.inc({ model: models.of(name) }, vramBytes)
    }
  })
  series.gauge({
    name: 'foreman_target_bypass_runners',
    help: 'Models in the memory of the target that foreman did not load: somebody goes around the queue.',
    collect() {
      this.set(app.ownRunners.bypassing().length)
    }
  })
}
