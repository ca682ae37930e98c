/**
 * Decides what a request that may use the model is: a job, or something the target answers by itself.
 *
 * Whatever the target refuses before it touches a model (no such model, no model named, a body it cannot read) goes
 * there at once, so that the client gets the target's own words and no runner is swapped for it.
 */

import { provisionalRunner } from '../../core/queue/move-along.ts'
import { findWanted, peekWanted, type Wanted } from '../../core/queue/wanted.ts'
import type { Catalog } from '../../core/target/catalog.ts'
import type { Inference } from '../../core/target/inference.ts'
import { parseModelName } from '../../core/target/model-name.ts'

/** What leaves this machine: words of `allow`. */
export type Leaving = 'account' | 'cloud' | 'web_search'

/** `forward`: not for the queue. `refuse`: it would leave this machine. */
export type Admission =
  | { readonly to: 'queue'; readonly model: string; readonly runner: string; readonly sizeBytes?: number }
  | { readonly to: 'forward'; readonly unloads: boolean }
  | { readonly to: 'refuse'; readonly as: Leaving }

const straightOn: Admission = { to: 'forward', unloads: false }
const asCloud: Admission = { to: 'refuse', as: 'cloud' }

/** Decides; `allow` lists what may leave this machine. Answers at once, without I/O, where the catalog knows the model. */
export function admit(
  catalog: Catalog,
  inference: Inference,
  allow: readonly Leaving[]
): Admission | Promise<Admission> {
  if (inference.searchesWeb && !allow.includes('web_search')) return { to: 'refuse', as: 'web_search' }
  const allowsCloud = allow.includes('cloud')
  if (inference.models.some(isCloudName)) return allowsCloud ? straightOn : asCloud
  if (isUnload(inference)) return { to: 'forward', unloads: true }
  const { model } = inference
  if (model === undefined || parseModelName(model) === undefined) return straightOn
  const known = peekWanted(catalog, inference)
  if (known !== undefined) return admitKnown(known, inference, allowsCloud)
  return admitUnknown(catalog, inference, model, allowsCloud)
}

function admitKnown({ model, runner }: Wanted, inference: Inference, allowsCloud: boolean): Admission {
  if (model.remote) return allowsCloud ? straightOn : asCloud
  // Generate and chat are refused for it, before it is loaded.
  if (runner.embedsOnly && inference.route.kind !== 'embed') return straightOn
  return { to: 'queue', model: inference.model ?? model.name, runner: runner.key, sizeBytes: model.sizeBytes }
}

async function admitUnknown(
  catalog: Catalog,
  inference: Inference,
  model: string,
  allowsCloud: boolean
): Promise<Admission> {
  const wanted = await findWanted(catalog, inference)
  if (wanted !== undefined) return admitKnown(wanted, inference, allowsCloud)
  // A target that is away may have it; the job finds out when it is back.
  return catalog.stale ? { to: 'queue', model, runner: provisionalRunner(model) } : straightOn
}

function isCloudName(model: string): boolean {
  return parseModelName(model)?.cloud === true
}

/** An empty prompt with `keep_alive: 0` computes nothing: the target answers at once. */
function isUnload({ native, route }: Inference): boolean {
  return native !== undefined && route.kind !== 'embed' && native.emptyPrompt && native.keepAliveMs === 0
}
