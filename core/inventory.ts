/** Keeps what is known of the target up to date: its version with each list, and the last list in the store. */
import type { FastifyInstance } from 'fastify'
import type { KeptInventory } from './target/kept-inventory.ts'

/** From here on until the app is closed. */
export function followInventory(app: FastifyInstance, kept: KeptInventory): void {
  const { catalog, reachability, target, targetVersion } = app
  const keep = (timesToo: boolean) => {
    try {
      kept.keep(catalog, targetVersion, { timesToo })
    } catch (err) {
      app.log.error({ err }, 'the list of models could not be kept for the next start')
    }
  }
  targetVersion.on('changed', (to, from) =>
    app.log.warn({ version: to, previous: from }, 'the target is of another version now')
  )
  reachability.on('down', () => keep(true))
  catalog.on('polled', () => {
    keep(false)
    // Where it goes away just now, the next list or a probe tells.
    target.json('GET', '/api/version').then(
      answer => targetVersion.note(answer),
      () => {}
    )
  })
  app.addHook('preClose', async () => keep(true))
}
