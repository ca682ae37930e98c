/** Series of the model that is kept loaded for embeddings: whether it holds, and how busy its lane is. */
import type { FastifyInstance } from 'fastify'
import { embedderStates } from '../../core/queue/embedder.ts'
import type { Series } from './series.ts'

/** Looks at the lane at each scrape. */
export function addEmbedSeries({ queue }: FastifyInstance, series: Series): void {
  series.gauge({
    name: 'foreman_embed_slot',
    help: '1 for the state that the embedding model is in: none, wanted, warm, does_not_hold.',
    labelNames: ['state'],
    collect() {
      const { state: now } = queue.embeds.status
      for (const state of embedderStates) this.set({ state }, state === now ? 1 : 0)
    }
  })
  series.gauge({
    name: 'foreman_embed_running',
    help: 'Embedding calls on the target now, beside what the worker does.',
    collect() {
      this.set(queue.embeds.status.running)
    }
  })
  series
    .gauge({
      name: 'foreman_embed_concurrency',
      help: 'Embedding calls that may be on the target at a time (embed.concurrency).'
    })
    .set(queue.embeds.status.concurrency)
}
