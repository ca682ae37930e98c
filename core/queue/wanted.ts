/** From what a job sends to what the target must have in memory for it. */
import type { Catalog, InstalledModel } from '../target/catalog.ts'
import { TargetError } from '../target/client.ts'
import type { Inference } from '../target/inference.ts'
import { type Runner, runnerOf } from '../target/runner.ts'

/** An installed model and the runner that a request needs of it. */
export interface Wanted {
  readonly model: InstalledModel
  readonly runner: Runner
}

/** What `inference` needs of an installed model. */
export function wantedOf(model: InstalledModel, inference: Inference): Wanted {
  const { loadOptions, shift } = inference
  return { model, runner: runnerOf(model, { loadOptions, shift }) }
}

/** What `inference` needs by the list as it is, without I/O; undefined where no such model is listed. */
export function peekWanted(catalog: Pick<Catalog, 'peek'>, inference: Inference): Wanted | undefined {
  const model = inference.model === undefined ? undefined : catalog.peek(inference.model)
  return model && wantedOf(model, inference)
}

/**
 * The same, after one fresh look where the list does not have the name. Undefined too where the target is away and
 * its models were never listed: `catalog.stale` tells the two apart.
 */
export async function findWanted(
  catalog: Pick<Catalog, 'lookup'>,
  inference: Inference
): Promise<Wanted | undefined> {
  if (inference.model === undefined) return undefined
  try {
    const model = await catalog.lookup(inference.model)
    return model && wantedOf(model, inference)
  } catch (err) {
    if (err instanceof TargetError) return undefined
    throw err
  }
}
