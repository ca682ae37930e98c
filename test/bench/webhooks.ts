/** Webhooks: what hostile receivers do to jobs, how fast a healthy one is told, and what a hundred thousand pending ones cost. */
import { startFarm } from '../receiver-farm/start.ts'
import { models } from './backlog.ts'
import type { Figure } from './figures.ts'
import { startTarget } from './programs.ts'
import type { Bench, Scenario } from './scenario.ts'
import { choiceFigures } from './webhooks-choice.ts'
import { costFigures } from './webhooks-cost.ts'
import { jobFigures, mixedTarget } from './webhooks-jobs.ts'
import { memoryFigures } from './webhooks-memory.ts'
import { rateFigures } from './webhooks-rate.ts'

/** The receivers are a process at the lowest priority: the processor is foreman's. */
export const webhooks: Scenario = {
  name: 'webhooks',
  title: 'jobs with webhooks to hostile receivers, deliveries to a healthy one, and 100 000 of them pending',
  async run(bench: Bench): Promise<Figure[]> {
    const farm = await startFarm(bench, { keep: false }, true)
    const target = await startTarget(bench, mixedTarget)
    const jobs = await jobFigures(bench, target, farm)
    // The first job never ends, so that no other begins.
    const still = await startTarget(bench, {
      models: models.map(model => ({ ...model, prompt_delay_ms: 1e9 }))
    })
    return [
      ...jobs,
      ...(await rateFigures(bench, still, farm)),
      ...(await costFigures(bench, farm)),
      ...choiceFigures(bench),
      ...(await memoryFigures(bench, still, farm))
    ]
  }
}
