/** Many jobs of all fates through one lane, on the real better-queue. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Lane } from '../../../core/queue/lane.ts'
import fc from '../../helpers/fast-check.ts'
import { testSeed } from '../../helpers/seed.ts'

interface Plan {
  /** Event loop turns, or ms, that a run takes. */
  readonly turns: number
  readonly ms: number
  /** Goes back to the queue so many times, each with a pause of one ms. */
  readonly retries: number
  readonly rejects: boolean
  /** Taken back while it waits, if it still does. */
  readonly canceled: boolean
  /** Offers that follow its arrival. */
  readonly offers: number
  /** Every so often looking for work fails. */
  readonly breaksTake: boolean
}

const rarely = fc.integer({ min: 0, max: 49 }).map(n => n === 0)

const anyPlan: fc.Arbitrary<Plan> = fc.record({
  turns: fc.nat(3),
  ms: rarely.map(slow => (slow ? 1 : 0)),
  retries: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) }),
  rejects: rarely,
  canceled: fc.nat(9).map(n => n === 0),
  offers: fc.oneof({ weight: 9, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.constant(50) }),
  breaksTake: rarely
})

interface Task {
  readonly id: string
  readonly plan: Plan
  runs: number
  availableAt: number
  canceled: boolean
}

/** The queue that foreman keeps in SQLite, as a list. */
class Soak {
  readonly tasks: Task[] = []
  readonly lane: Lane<Task>
  readonly reported: unknown[] = []
  running = 0
  mostAtOnce = 0
  thrown = 0
  #waiting: Task[] = []
  #unsettled = 0
  #settled = () => {}

  constructor() {
    const run = (task: Task) => this.#run(task)
    this.lane = new Lane({ next: () => this.#next(), run, onError: err => this.reported.push(err) })
  }

  add(plan: Plan): void {
    const task = { id: `${this.tasks.length}`, plan, runs: 0, availableAt: 0, canceled: false }
    this.tasks.push(task)
    this.#unsettled += 1
    this.#waiting.push(task)
    for (let n = 0; n < plan.offers; n += 1) this.lane.offer()
    if (plan.canceled && this.#waiting.includes(task)) this.#cancel(task)
  }

  /** Resolves when every task has settled. Offers go on, as they do from the timers of the queue. */
  async allSettled(): Promise<void> {
    const watch = setInterval(() => this.lane.offer(), 1)
    await new Promise<void>(resolve => {
      this.#settled = resolve
      if (this.#unsettled === 0) resolve()
    })
    clearInterval(watch)
  }

  #cancel(task: Task): void {
    task.canceled = true
    this.#waiting = this.#waiting.filter(other => other !== task)
    this.#settle()
  }

  #next(): Task | undefined {
    const task = this.#waiting.find(one => one.availableAt <= performance.now())
    if (task === undefined) return undefined
    if (task.plan.breaksTake && this.thrown < this.tasks.length / 50) {
      this.thrown += 1
      throw new Error('take')
    }
    this.#waiting = this.#waiting.filter(other => other !== task)
    return task
  }

  async #run(task: Task): Promise<void> {
    task.runs += 1
    this.running += 1
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running)
    for (let n = 0; n < task.plan.turns; n += 1) await turn()
    if (task.plan.ms > 0) await pause(task.plan.ms)
    this.running -= 1
    if (task.runs <= task.plan.retries) this.#again(task)
    else this.#settle()
    if (task.plan.rejects) throw new Error('run')
  }

  #again(task: Task): void {
    task.availableAt = performance.now() + 1
    this.#waiting.push(task)
  }

  #settle(): void {
    this.#unsettled -= 1
    if (this.#unsettled === 0) this.#settled()
  }
}

function openSoak(t: TestContext): Soak {
  const soak = new Soak()
  t.after(() => soak.lane.stop())
  return soak
}

test('4 000 mixed jobs run one at a time, none lost, none twice', async t => {
  const soak = openSoak(t)
  soak.lane.start()
  for (const [index, plan] of fc.sample(anyPlan, { numRuns: 4000, seed: testSeed }).entries()) {
    soak.add(plan)
    if (index % 7 === 0) await turn()
  }
  await soak.allSettled()
  assert.equal(soak.mostAtOnce, 1)
  for (const { id, plan, runs, canceled } of soak.tasks) {
    assert.equal(runs, canceled ? 0 : plan.retries + 1, `task ${id}`)
  }
  const rejections = soak.tasks.filter(task => task.plan.rejects).reduce((sum, task) => sum + task.runs, 0)
  const told = Map.groupBy(soak.reported, err => (err as Error).message)
  assert.deepEqual([told.get('take')?.length ?? 0, told.get('run')?.length ?? 0], [soak.thrown, rejections])
  assert.ok(soak.thrown > 0 && rejections > 0, 'both kinds of fault happened')
})

/** Heap in use after a collection, in bytes. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}

test('the heap stays flat over 100 000 jobs, half of which fail', async t => {
  let runs = 0
  let left = 0
  let drained = () => {}
  const lane = new Lane<{ id: string }>({
    next: () => (left > 0 ? { id: `job ${runs}` } : undefined),
    run: async () => {
      runs += 1
      left -= 1
      if (left === 0) drained()
      if (runs % 2 === 0) throw new Error('no')
    },
    onError: () => {}
  })
  t.after(() => lane.stop())
  const drain = async (count: number) => {
    const empty = new Promise<void>(resolve => {
      drained = resolve
    })
    left = count
    lane.offer()
    await empty
    await turn()
    return heapBytes()
  }
  lane.start()
  const before = await drain(10_000)
  const after = await drain(100_000)
  t.diagnostic(`heap after 10 000 jobs ${before} bytes, after 110 000 ${after}`)
  assert.ok(after - before < 1024 * 1024, `${after - before} bytes more`)
})
