/** Faults to be made on purpose: each must be found by the step that is there for it, or that step proves nothing. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { buildForeman, buildOn, foremanImage } from './images.ts'
import type { ComposeFile, Edit } from './stack.ts'
import type { steps } from './steps.ts'
import type { World } from './world.ts'

/** One fault. */
export interface Sabotage {
  readonly fault: string
  /** The step that must fail. */
  readonly foundBy: keyof typeof steps
  /** What the failure says, so that no other one is taken for it. */
  readonly says: RegExp
  make(world: World): Promise<void>
  mend(world: World): Promise<void>
}

const inCompose = (fault: string, foundBy: Sabotage['foundBy'], says: RegExp, edit: Edit): Sabotage => ({
  fault,
  foundBy,
  says,
  async make({ stack }) {
    stack.sabotage = edit
    stack.edit()
  },
  async mend({ stack }) {
    stack.sabotage = () => {}
    stack.edit()
  }
})

const foremanOf = ({ services }: ComposeFile) =>
  services.foreman as { [key: string]: unknown; volumes: string[] }
const without = (list: unknown, item: string) => (list as string[]).filter(text => !text.startsWith(item))

/** The faults, in the order in which they are made. */
export const sabotages: readonly Sabotage[] = [
  {
    fault: 'the image has 61 MB too much',
    foundBy: 'image',
    says: /MB above its base/,
    async make({ engine, dir }) {
      const context = join(dir, 'empty')
      mkdirSync(context, { recursive: true })
      const lines = ['USER root', 'RUN head -c 61000000 /dev/urandom > /usr/local/ballast', 'USER node']
      await buildOn(engine, foremanImage, lines, context)
    },
    mend: ({ engine }) => buildForeman(engine)
  },
  inCompose('the root can be written', 'hardening', /can be written/, file => {
    delete foremanOf(file).read_only
  }),
  inCompose('foreman keeps its capabilities', 'hardening', /CapBnd/, file => {
    delete foremanOf(file).cap_drop
  }),
  inCompose(
    'the port of Ollama is published',
    'ports',
    /Expected values to be strictly equal/,
    ({ services }) => {
      services.ollama!.ports = ['127.0.0.1:11434:11434']
    }
  ),
  inCompose(
    'Ollama is on the network of the callers',
    'ports',
    /Missing expected rejection/,
    ({ services }) => {
      services.ollama!.networks = ['target', 'default']
    }
  ),
  inCompose('the data is not kept', 'power', /answered 401/, file => {
    const foreman = foremanOf(file)
    foreman.volumes = without(foreman.volumes, 'data:')
    foreman.tmpfs = ['/tmp', '/data:uid=1000,mode=0700']
  }),
  inCompose('a crash is left as it is', 'crash', /the engine starts it again/, file => {
    foremanOf(file).restart = 'no'
  }),
  inCompose('foreman waits for a healthy Ollama', 'unhealthy', /up --detach|unhealthy/, file => {
    foremanOf(file).depends_on = { ollama: { condition: 'service_healthy' } }
  }),
  inCompose('Prometheus cannot reach foreman', 'prometheus', /foreman is scraped/, file => {
    // It listens, at another address.
    foremanOf(file).networks = { default: { aliases: ['metrics.foreman'] }, target: null }
  })
]
