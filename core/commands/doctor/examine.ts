/** The whole examination, in the order in which it is told: nearest things first. */
import type { Database } from 'better-sqlite3'
import { chooseEmbedder } from '../../queue/embedder-choice.ts'
import { ConfigError, type Settings } from '../../settings.ts'
import { Catalog } from '../../target/catalog.ts'
import { TargetClient, TargetError } from '../../target/client.ts'
import { readResidency } from '../../target/residency.ts'
import { runnerPrefix } from '../../target/runner.ts'
import { readTls } from '../../target/tls-files.ts'
import { targetToken } from '../../target/token-file.ts'
import { examineContexts } from './contexts.ts'
import { examineDir } from './data-dir.ts'
import { examineDatabase } from './database.ts'
import { examineExposure } from './exposure.ts'
import { amiss, type Finding } from './finding.ts'
import { examineEmbedder, examineInstalled, examineLoaded, examineSlots, recordedRunners } from './models.ts'
import { examinePlugins } from './plugins.ts'
import { probeSlots } from './probe.ts'
import { examineRunning } from './running.ts'
import { examineSettings } from './settings.ts'
import { examineTarget } from './target.ts'
import { examineWebhooks } from './webhooks.ts'

const secondMs = 1000

/** Looks at everything that these settings concern. Changes nothing, but for `probe`: that loads models. */
export async function examine(settings: Settings, { probe = false } = {}): Promise<Finding[]> {
  const findings = [...examineSettings(settings), ...(await examinePlugins(settings))]
  const dir = examineDir(settings)
  findings.push(...dir.findings)
  const data = dir.usable ? await examineDatabase(settings, dir.inUse) : { findings: [], db: undefined }
  findings.push(...data.findings)
  try {
    findings.push(...(await examineRunning(settings, dir.inUse)))
    findings.push(...(await examineTargetSide(settings, data.db, probe)))
    findings.push(...examineStory(settings, data.db, dir.inUse))
    return findings
  } finally {
    data.db?.close()
  }
}

/** What the database tells of the past. */
function examineStory(settings: Settings, db: Database | undefined, inUse: boolean | undefined): Finding[] {
  if (db === undefined) return []
  const since = Date.now() - settings.retention.history_s * secondMs
  // What is written of the slots each start finds out anew: without a foreman that runs it is old.
  const slots = inUse ? examineSlots(db) : []
  return [...slots, ...examineContexts(db, since), ...examineWebhooks(db, settings)]
}

async function examineTargetSide(
  settings: Settings,
  db: Database | undefined,
  probe: boolean
): Promise<Finding[]> {
  const client = connect(settings)
  if (client instanceof ConfigError)
    return client.faults.map(({ path, problem }) =>
      amiss(
        'settings.file_unreadable',
        `${path} ${problem}`,
        'a start is refused: mend the path, or the rights on the file'
      )
    )
  try {
    const target = await examineTarget(client, settings)
    if (!target.usable) return [...target.findings]
    const models = await examineModels(client, settings, db, probe)
    return [...target.findings, ...models, ...(await examineExposure(client.url))]
  } finally {
    await client.destroy()
  }
}

function connect({ target }: Settings): TargetClient | ConfigError {
  try {
    return new TargetClient({
      url: target.url,
      token: targetToken(target),
      tls: readTls(target.tls),
      connectTimeoutMs: target.connect_timeout_s * secondMs
    })
  } catch (err) {
    if (err instanceof ConfigError) return err
    throw err
  }
}

async function examineModels(
  client: TargetClient,
  settings: Settings,
  db: Database | undefined,
  probe: boolean
): Promise<Finding[]> {
  const catalog = new Catalog(client)
  try {
    const before = db && recordedRunners(db)
    const loaded = await readResidency(client)
    await catalog.refresh()
    const models = catalog.models()
    const choice = chooseEmbedder(catalog, settings.embed.model)
    const embedder = 'model' in choice ? choice.model : undefined
    // From before the look and from a moment after it: foreman writes down what it has loaded once it is there.
    const own = db && [...before!, ...recordedRunners(db), ...(embedder ? [runnerPrefix(embedder)] : [])]
    const loadMs = settings.limits.first_token_timeout_s * secondMs
    return [
      ...examineInstalled(models),
      examineEmbedder(choice, models, settings.embed.model),
      ...examineLoaded(loaded, models, own, Date.now()),
      ...(probe ? [await probeSlots(client, models, embedder, loadMs)] : [])
    ]
  } catch (err) {
    if (!(err instanceof TargetError)) throw err
    const mend = 'let foreman read /api/tags, /api/show and /api/ps there: without them it knows no model'
    return [amiss('models.unknown', `the target does not tell its models: ${err.message}`, mend)]
  } finally {
    catalog.close()
  }
}
