/**
 * Builds foreman from its settings: what the process and every test use.
 *
 * Core offers the engine to plugins by decorators and knows none of them. The order of a start: database, jobs of
 * a dead process put right, plugins, then (`ready`) the target is looked for and the lane begins to take jobs.
 */
import { join } from 'node:path'
import type { Database } from 'better-sqlite3'
import Fastify, { type FastifyInstance, type FastifyServerOptions, LogController } from 'fastify'
import { Registry } from 'prom-client'
import { Access, addAccess } from './access/access.ts'
import { AuditLog, addAudit } from './access/audit.ts'
import { addOwnHeaders } from './answer-headers.ts'
import { addBrowserGuard } from './browser-guard.ts'
import { addCors } from './cors.ts'
import { DiskUse } from './database/disk-use.ts'
import { openStore } from './database/open.ts'
import type { Secrets } from './database/secret.ts'
import { answerError, answerUnreadable, installErrors, newRequestId } from './errors.ts'
import { Followers } from './follow/followers.ts'
import { addLiveEvents } from './follow/live-events.ts'
import { StreamSlots } from './follow/stream-slots.ts'
import { addHealthRoutes } from './health.ts'
import { followInventory } from './inventory.ts'
import { BlobCleaner, blobNeed } from './jobs/blob-cleaner.ts'
import { Blobs } from './jobs/blobs.ts'
import { QueueDepth } from './jobs/depth.ts'
import { JobBus } from './jobs/events.ts'
import { OutputFolder } from './jobs/fold-outputs.ts'
import { Epochs } from './jobs/places.ts'
import { type Recovered, recover } from './jobs/recovery.ts'
import { Sweeper } from './jobs/retention.ts'
import { JobStore } from './jobs/store.ts'
import { WaitingJobs } from './jobs/waiting.ts'
import { boundJson } from './json-depth.ts'
import { loadPlugins } from './plugin-loader.ts'
import { AttachedCalls } from './queue/answer.ts'
import { ContextPolicy } from './queue/context-policy.ts'
import { JobQueue } from './queue/job-queue.ts'
import { lastDeath } from './queue/last-death.ts'
import { OwnRunners } from './queue/own-runners.ts'
import { queueRules } from './queue/rules.ts'
import { Stoppages } from './queue/stoppages.ts'
import type { Settings } from './settings.ts'
import { addSlowClients, keepAliveTimeoutMs, SlowClients, serverOptions } from './slow-clients.ts'
import { Catalog } from './target/catalog.ts'
import { TargetClient } from './target/client.ts'
import { KeptInventory } from './target/kept-inventory.ts'
import { LoadedModels } from './target/loaded-models.ts'
import { Reachability } from './target/reachability.ts'
import { TargetEvents } from './target/target-events.ts'
import { TargetVersion } from './target/target-version.ts'
import { readTls } from './target/tls-files.ts'
import { targetToken } from './target/token-file.ts'
import { Telemetry } from './telemetry.ts'
import { traceOf } from './trace-context.ts'
import { Upgrades } from './upgrades.ts'

declare module 'fastify' {
  interface FastifyInstance {
    readonly settings: Settings
    readonly access: Access
    readonly upgrades: Upgrades
    readonly db: Database
    readonly secrets: Secrets
    readonly jobs: JobStore
    readonly blobs: Blobs
    readonly disk: DiskUse
    readonly jobEvents: JobBus
    readonly epochs: Epochs
    readonly followers: Followers
    readonly streamSlots: StreamSlots
    readonly queueDepth: QueueDepth
    readonly queue: JobQueue
    readonly contexts: ContextPolicy
    readonly stoppages: Stoppages
    readonly target: TargetClient
    readonly catalog: Catalog
    readonly loadedModels: LoadedModels
    readonly ownRunners: OwnRunners
    readonly reachability: Reachability
    readonly targetVersion: TargetVersion
    readonly targetEvents: TargetEvents
    readonly telemetry: Telemetry
    /** Where plugins put series of their own; the plugin metrics shows them. */
    readonly meters: Registry
    /** What became of the jobs that the last run left in the middle. */
    readonly recovered: Recovered
  }
}

const secondMs = 1000
/** Where the built-in plugins are. */
export const builtinDir = join(import.meta.dirname, '..', 'plugins')

/** What a caller may choose besides the settings. */
export interface AppOptions {
  /** Fastify's logger option; silent when left out. */
  readonly logger?: FastifyServerOptions['logger']
  /** Folder of the built-in plugins. */
  readonly builtinDir?: string
}

/**
 * Builds foreman; `listen` starts it, `close` stops it after the running job or `limits.shutdown_s`.
 * @throws {ConfigError} {DataDirInUseError} {DataDirError} {SecretKeyError}
 */
export async function buildApp(settings: Settings, options: AppOptions = {}): Promise<FastifyInstance> {
  const access = new Access()
  const upgrades = new Upgrades(raw => access.addressOf(raw))
  const slowClients = new SlowClients(settings.limits)
  const app = Fastify({
    logger: options.logger ?? false,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (log, bindings, options, raw) => log.child({ ...bindings, ...traceOf(raw) }, options),
    http: { ...serverOptions(settings.limits), shouldUpgradeCallback: raw => upgrades.takes(raw) },
    bodyLimit: settings.limits.body_bytes,
    // No shorter than what Node reads of a head: model names and keys in a path are longer than Fastify's 100.
    routerOptions: { maxParamLength: settings.limits.head_bytes },
    keepAliveTimeout: keepAliveTimeoutMs,
    // A call may wait in the queue for as long as its start limit says; headers alone are timed by Node.
    requestTimeout: 0,
    return503OnClosing: false,
    frameworkErrors: (err, request, reply) => {
      // No hook is called for those.
      slowClients.watch(request.raw, reply.raw)
      answerError(err, request, reply)
    },
    clientErrorHandler: answerUnreadable,
    genReqId: newRequestId,
    trustProxy: settings.trust_proxy.length > 0 ? settings.trust_proxy : false,
    rewriteUrl: raw => access.addressOf(raw)
  })
  app.decorate('upgrades', upgrades)
  app.decorate('telemetry', new Telemetry())
  app.decorate('meters', new Registry())
  installErrors(app)
  addOwnHeaders(app)
  boundJson(app, settings.limits.json_depth)
  try {
    addSlowClients(app, slowClients)
    await addCors(app, settings.cors)
    addBrowserGuard(app, access, settings)
    addAccess(app, access)
    addEngine(app, settings)
    await loadPlugins(app, settings.plugins, {
      builtinDir: options.builtinDir ?? builtinDir,
      baseDir: settings.base_dir
    })
    // Last: plugins that see routes see these as well.
    addHealthRoutes(app)
    return app
  } catch (err) {
    await app.close()
    throw err
  }
}

function addEngine(app: FastifyInstance, settings: Settings): void {
  const { telemetry } = app
  const client = new TargetClient({
    url: settings.target.url,
    token: targetToken(settings.target),
    tls: readTls(settings.target.tls),
    connectTimeoutMs: settings.target.connect_timeout_s * secondMs,
    onEnd: call => telemetry.emit('targetCall', call)
  })
  const opened = openStore(settings.data_dir, settings.secret_key_file)
  for (const notice of opened.notices) app.log.warn(notice)
  const { db } = opened
  const epochs = new Epochs(db)
  const bus = new JobBus()
  const store = new JobStore(db, bus, { onCommit: tookMs => telemetry.emit('commit', tookMs) })
  const blobs = new Blobs(join(settings.data_dir, 'blobs'), blobNeed(db))
  const disk = new DiskUse(db, settings.data_dir)
  const stoppages = new Stoppages(db)
  const recovered = recover(db, store, lastDeath(db, stoppages))
  const depth = new QueueDepth(db, bus)
  const catalog = new Catalog(client)
  const kept = new KeptInventory(db)
  kept.restore(catalog)
  const loadedModels = new LoadedModels(client)
  const targetVersion = new TargetVersion(kept.version)
  const reachability = new Reachability(client, {
    maxPauseMs: settings.poll.probe_max_s * secondMs,
    onAnswer: answer => targetVersion.note(answer)
  })
  const attached = new AttachedCalls()
  const contexts = new ContextPolicy({
    ...{ db, bus, store, telemetry, depth, catalog, attached },
    log: app.log
  })
  const queue = new JobQueue({
    ...queueRules(settings),
    ...{ db, bus, store, blobs, depth, client, catalog, loadedModels, reachability, stoppages, disk },
    ...{ targetVersion, telemetry },
    log: app.log,
    waiting: new WaitingJobs(db),
    ...{ attached, contexts }
  })
  addAudit(app, new AuditLog(db, app.log))
  app.decorate('settings', settings)
  app.decorate('db', db)
  app.decorate('secrets', opened.secrets)
  app.decorate('jobs', store)
  app.decorate('blobs', blobs)
  app.decorate('disk', disk)
  app.decorate('jobEvents', bus)
  app.decorate('epochs', epochs)
  app.decorate('followers', new Followers(db, bus, epochs))
  app.decorate('streamSlots', new StreamSlots(settings.limits, telemetry))
  app.decorate('queueDepth', depth)
  app.decorate('queue', queue)
  app.decorate('contexts', contexts)
  app.decorate('stoppages', stoppages)
  app.decorate('target', client)
  app.decorate('catalog', catalog)
  app.decorate('loadedModels', loadedModels)
  app.decorate('ownRunners', new OwnRunners({ db, queue, catalog, loadedModels, telemetry }))
  app.decorate('reachability', reachability)
  app.decorate('targetVersion', targetVersion)
  app.decorate('targetEvents', new TargetEvents())
  app.decorate('recovered', recovered)
  followInventory(app, kept)
  addLiveEvents(app)
  addLifecycle(app, () => opened.close())
}

function addLifecycle(app: FastifyInstance, closeStore: () => void): void {
  const { settings, catalog, reachability, queue, target, recovered } = app
  const { tombstone_s, sweep_interval_s } = settings.retention
  const sweeper = new Sweeper(
    app.db,
    {
      tombstoneMs: tombstone_s * secondMs,
      onRemoved: (what, count) => app.telemetry.emit('removed', what, count)
    },
    sweep_interval_s * secondMs,
    err => app.log.error({ err }, 'ended jobs could not be cleared')
  )
  const folder = new OutputFolder(app.db, sweep_interval_s * secondMs, err =>
    app.log.error({ err }, 'texts of ended jobs could not be folded up')
  )
  const cleaner = new BlobCleaner(app.db, app.blobs, err =>
    app.log.error({ err }, 'files of removed artifacts could not be cleared')
  )
  let looking: NodeJS.Timeout | undefined
  reachability.on('down', err => app.log.warn({ err }, 'the target is away: jobs wait until it is back'))
  reachability.on('up', () => {
    app.log.info({ url: settings.target.url }, 'the target answers')
    // What was installed while it was away; a failure is told by `failed`.
    catalog.refresh().catch(() => {})
  })
  catalog.on('failed', err => reachability.markDown(err))

  app.addHook('onReady', async () => {
    app.log.info({ recovered }, 'jobs of the last run put right')
    sweeper.start()
    folder.start()
    cleaner.start()
    queue.start()
    reachability.start()
    catalog.start({ tagsMs: settings.poll.tags_s * secondMs })
    looking = setInterval(() => void queue.lookAtTarget(), settings.poll.ps_s * secondMs)
  })
  // Before the server waits for its connections: they are answered by what ends here.
  app.addHook('preClose', async () => {
    const graceMs = settings.limits.shutdown_s * secondMs
    const endsAt = performance.now() + graceMs
    await queue.stop(graceMs)
    clearInterval(looking)
    catalog.close()
    reachability.close()
    await leave(target, endsAt - performance.now())
  })
  app.addHook('onClose', async () => {
    sweeper.stop()
    folder.stop()
    await cleaner.stop()
    closeStore()
  })
}

/** Calls past the queue, a pull for example, may last as long as they like: they get what is left of the time. */
async function leave(target: TargetClient, graceMs: number): Promise<void> {
  const overtime = setTimeout(() => void target.destroy(), Math.max(0, graceMs))
  await target.close()
  clearTimeout(overtime)
}
