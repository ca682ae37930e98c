/**
 * Runners: what the target must have in memory to serve a job.
 *
 * Two requests share a runner when the target would serve both without a reload: same weights, same adapters and
 * projectors, same explicit load options, same context shift. Names and sampling options do not matter.
 * Source: ollama/ollama server/sched.go, `needsReload`, `getRunner` and `resolveContextShift`.
 */
import { type KeepAlive, keepAliveJson } from './keep-alive.ts'
import { LOAD_OPTION_NAMES, type LoadOptions } from './load-options.ts'

/** What of a model decides its runner; the catalog knows it of every installed one. */
export interface RunnerModel {
  /** `sha256:` and 64 hex: the weights blob, else the manifest. */
  weights: string
  /** Blobs of adapters and projectors, in their order. */
  attachments: readonly string[]
  /** The model's own PARAMETERs, as far as they are load options. */
  parameters: LoadOptions
  /** As `details.families` (and `details.family`) lists them. */
  families: readonly string[]
  capabilities: readonly string[]
  /** The context the model was trained with; `undefined` where it is not known. */
  contextLength: number | undefined
  /** `details.format`: the target launches `safetensors` models without these options. */
  format: string
}

/** What of a request decides its runner. */
export interface RunnerRequest {
  loadOptions: LoadOptions
  shift: boolean | undefined
}

/** What one request needs in memory. */
export interface Runner {
  /**
   * Equal for equal runners and readable: `sha256:0123456789ab`, then what is not the target's default, such as
   * `+num_ctx=8192,num_gpu=1`.
   */
  key: string
  /** Explicit values to load it with, request over PARAMETERs. */
  loadOptions: LoadOptions
  /** As the request has it. */
  shift: boolean | undefined
  /** It only embeds: it is loaded through `/api/embed`, since generate refuses it. */
  embedsOnly: boolean
}

/** A request of foreman's own that loads or unloads a runner. */
export interface RunnerCall {
  path: '/api/generate' | '/api/embed'
  body: Record<string, unknown>
}

/** As many digits as `ollama ls` shows. */
const DIGEST_DIGITS = 12

const MIN_CONTEXT = 4
const MIN_VISION_CONTEXT = 2048

/** The runner that a request for a model needs. */
export function runnerOf(model: RunnerModel, request: RunnerRequest): Runner {
  const loadOptions = { ...model.parameters, ...request.loadOptions }
  return {
    key: keyOf(model, loadOptions, request.shift),
    loadOptions,
    shift: request.shift,
    embedsOnly: model.capabilities.includes('embedding') && !model.capabilities.includes('completion')
  }
}

/** The empty request that loads a runner under a name and keeps it for `keepAlive` after its last use. */
export function loadRequest(name: string, runner: Runner, keepAlive: KeepAlive): RunnerCall {
  const options = Object.keys(runner.loadOptions).length > 0 ? runner.loadOptions : undefined
  const common = { model: name, keep_alive: keepAliveJson(keepAlive), options }
  if (runner.embedsOnly) return { path: '/api/embed', body: { ...common, input: [] } }
  return { path: '/api/generate', body: { ...common, prompt: '', stream: false, shift: runner.shift } }
}

/**
 * The empty request that makes the target let go of the weights behind a name, as soon as they are idle. Answered at
 * once, also where nothing is loaded; embedding models go this way too.
 */
export function unloadRequest(name: string): RunnerCall {
  return { path: '/api/generate', body: { model: name, prompt: '', stream: false, keep_alive: 0 } }
}

/** What the keys of all runners of a model begin with; a `+` follows, or nothing. */
export function runnerPrefix(model: Pick<RunnerModel, 'weights'>): string {
  return shortDigest(model.weights)
}

/** Whether a runner is one of the model's: on its weights, with its adapters and projectors, whatever the load options. */
export function isRunnerOf(model: Pick<RunnerModel, 'weights' | 'attachments'>, key: string): boolean {
  const [weights, terms = ''] = key.split('+', 2)
  const attached = terms.split(',').filter(term => term.startsWith(attachedMark))
  return weights === runnerPrefix(model) && attached.join() === attachedTerms(model).join()
}

function keyOf(model: RunnerModel, loadOptions: LoadOptions, shift: boolean | undefined): string {
  const weights = runnerPrefix(model)
  const attached = attachedTerms(model)
  const launch = model.format === 'safetensors' ? [] : launchTerms(model, loadOptions, shift)
  const terms = [...attached, ...launch]
  return terms.length === 0 ? weights : `${weights}+${terms.join(',')}`
}

const attachedMark = 'with='

function attachedTerms({ attachments }: Pick<RunnerModel, 'attachments'>): string[] {
  return attachments.map(digest => `${attachedMark}${shortDigest(digest)}`)
}

function launchTerms(model: RunnerModel, loadOptions: LoadOptions, shift: boolean | undefined): string[] {
  const options = normalise(model, loadOptions)
  const terms = LOAD_OPTION_NAMES.filter(name => options[name] !== undefined).map(
    name => `${name}=${options[name]}`
  )
  // deepseek2 cannot shift its context; all other families do unless told not to.
  const shifts = shift ?? !model.families.includes('deepseek2')
  return shifts ? terms : [...terms, 'shift=false']
}

/** Writes values that the target takes for the same thing in one way. */
function normalise(model: RunnerModel, { ...options }: LoadOptions): LoadOptions {
  if (options.num_ctx !== undefined) options.num_ctx = clampContext(model, options.num_ctx)
  if (options.num_gpu !== undefined && options.num_gpu < 0) delete options.num_gpu
  if (options.num_thread === 0) delete options.num_thread
  return options
}

function clampContext(model: RunnerModel, context: number): number {
  const least = model.capabilities.includes('vision') ? MIN_VISION_CONTEXT : MIN_CONTEXT
  return Math.min(Math.max(context, least), model.contextLength ?? Number.POSITIVE_INFINITY)
}

function shortDigest(digest: string): string {
  const hex = digest.replace(/^sha256[:-]/, '')
  return `sha256:${hex.slice(0, DIGEST_DIGITS)}`
}
