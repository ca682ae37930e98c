/**
 * Builds foreman's image and runs its stack in a Docker daemon of our own, step by step.
 *
 *   deploy/verify.sh [--base FILE] [--litestream FILE] [--prove]
 *
 * Ends with 0 where every step held, with 1 where one did not or was interrupted. Nothing of it is left on the machine.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Engine } from './engine.ts'
import { buildForeman, buildStandIns, importBase } from './images.ts'
import { sabotages } from './sabotage.ts'
import { run } from './shell.ts'
import { Stack } from './stack.ts'
import { steps } from './steps.ts'
import { LeftOut, type Step, type World } from './world.ts'

const { values: options } = parseArgs({
  options: { base: { type: 'string' }, litestream: { type: 'string' }, prove: { type: 'boolean' } }
})
const dir = mkdtempSync(join(tmpdir(), 'foreman-verify-'))
const began = performance.now()
let engine: Engine | undefined
let interrupted = false
let tidying: Promise<void> | undefined

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => void interrupt(signal))
process.exitCode = await verify().catch(fail)
await tidy()

async function verify(): Promise<number> {
  const world = await prepare()
  const held = options.prove === true ? await prove(world) : await tryAll(world)
  return held ? 0 : 1
}

async function prepare(): Promise<World> {
  say('start', 'a Docker daemon of our own')
  engine = await Engine.prepare(dir)
  await engine.start()
  await importBase(engine, options.base ?? (await makeBase()))
  say('start', 'images')
  const standIns = await buildStandIns(engine, join(dir, 'stand-ins'), options.litestream)
  await buildForeman(engine)
  return { engine, standIns, dir, stack: await Stack.prepare(engine, dir) }
}

async function makeBase(): Promise<string> {
  say('start', 'the base image: about a minute (--base FILE takes one that is made)')
  const tar = join(dir, 'base.tar')
  await run(join(import.meta.dirname, 'make-base.sh'), [tar])
  return tar
}

async function tryAll(world: World): Promise<boolean> {
  for (const step of Object.values<Step>(steps)) if (!(await holds(world, step))) return false
  say('ok', 'every step held')
  return true
}

async function holds(world: World, step: Step): Promise<boolean> {
  try {
    say('ok', `${step.title}: ${await step.run(world)}`)
    return true
  } catch (err) {
    if (err instanceof LeftOut) {
      say('left out', `${step.title}: ${err.message}`)
      return true
    }
    // What an interrupt takes away, the step misses: that is no news.
    if (interrupted) return false
    say('FAILED', step.title)
    console.error(err)
    console.error(await lastWords(world))
    return false
  }
}

/** Each fault on a stack of its own. */
async function prove(world: World): Promise<boolean> {
  let found = 0
  for (const sabotage of sabotages) {
    await sabotage.make(world)
    const error = await errorOf(world, steps[sabotage.foundBy])
    const isFound = sabotage.says.test(error)
    say(isFound ? 'found' : 'FAILED', `${sabotage.fault}: ${error.split('\n', 1)[0] || 'nobody noticed'}`)
    if (isFound) found++
    await world.stack.down()
    await sabotage.mend(world)
  }
  return found === sabotages.length
}

/** What a step says of a fault; nothing where it holds or cannot be tried. */
async function errorOf(world: World, step: Step): Promise<string> {
  try {
    await step.run(world)
    return ''
  } catch (err) {
    return err instanceof LeftOut ? '' : (err as Error).message
  }
}

async function lastWords({ stack, engine }: World): Promise<string> {
  const said = await stack.compose(['logs', '--tail', '20']).catch(String)
  return `${said}\n${engine.log()}`
}

function say(mark: string, words: string): void {
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(`${String(seconds).padStart(4)} s  ${mark.padEnd(8)}  ${words}`)
}

function fail(err: unknown): number {
  if (!interrupted) console.error(err)
  return 1
}

async function interrupt(signal: string): Promise<void> {
  if (interrupted) return
  interrupted = true
  say('FAILED', `interrupted by ${signal}`)
  await tidy()
  process.exit(1)
}

/** Takes away all that was made. Once: an interrupt may come while it is at it. */
function tidy(): Promise<void> {
  tidying ??= (engine?.close() ?? Promise.resolve()).finally(() =>
    rmSync(dir, { recursive: true, force: true })
  )
  return tidying
}
