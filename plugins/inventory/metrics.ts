/** Series of the inventory: how old the list is, and which version the target has. */
import type { FastifyInstance } from 'fastify'
import { Gauge } from 'prom-client'

const secondMs = 1000

/** Adds them to `app.meters`. */
export function addSeries({ catalog, targetVersion, meters }: FastifyInstance): void {
  new Gauge({
    name: 'foreman_inventory_models',
    help: 'Installed models, by the last list that was had.',
    registers: [meters],
    collect() {
      this.set(catalog.models().length)
    }
  })
  new Gauge({
    name: 'foreman_inventory_age_seconds',
    help: 'Time since the target gave its list of models; 0 before the first.',
    registers: [meters],
    collect() {
      const { answer } = catalog
      this.set(answer === undefined ? 0 : Math.max(0, Date.now() - answer.at.getTime()) / secondMs)
    }
  })
  new Gauge({
    name: 'foreman_target_info',
    help: 'Always 1: the version that the target told last.',
    labelNames: ['version'],
    registers: [meters],
    collect() {
      this.reset()
      this.set({ version: targetVersion.current ?? 'unknown' }, 1)
    }
  })
}
