/** A program inside a network namespace, spoken to in questions and answers. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** What goes over the channel, both ways. */
interface Envelope {
  readonly id: number
  readonly question?: string
  readonly value?: unknown
  readonly error?: string
}

/** The side that asks. */
export class Program {
  readonly #child: ChildProcess
  #asked = 0

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Runs a file of this folder in the namespace, until the test is over. */
  static async start(t: TestContext, space: string, file: string): Promise<Program> {
    const words = ['netns', 'exec', space, process.execPath, join(import.meta.dirname, file)]
    const child = spawn('ip', words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    t.after(async () => {
      if (child.exitCode !== null) return
      child.disconnect()
      await once(child, 'exit')
    })
    await once(child, 'message')
    return new Program(child)
  }

  /** Asks, and waits for the answer. @throws {Error} where the question failed */
  async ask<T>(question: string, value?: unknown): Promise<T> {
    const id = ++this.#asked
    this.#child.send({ id, question, value } satisfies Envelope)
    for (;;) {
      const [answer] = (await once(this.#child, 'message')) as [Envelope]
      if (answer.id !== id) continue
      if (answer.error !== undefined) throw new Error(answer.error)
      return answer.value as T
    }
  }
}

/** The side that answers: tells that it is there, then answers each question until the other side goes. */
export function serve(answers: Readonly<Record<string, (value: never) => unknown>>): void {
  process.on('message', async ({ id, question, value }: Envelope) => {
    try {
      process.send!({ id, value: await answers[question!]!(value as never) })
    } catch (error) {
      process.send!({ id, error: String(error) })
    }
  })
  process.once('disconnect', () => process.exit())
  process.send!({ id: 0 })
}
