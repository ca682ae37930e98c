/** All that must hold, in the order in which it is tried. */
import * as breaks from './steps/breaks.ts'
import * as image from './steps/image.ts'
import * as profiles from './steps/profiles.ts'
import * as stack from './steps/stack.ts'
import { olderVolumesAreTaken } from './steps/upgrade.ts'
import * as use from './steps/use.ts'
import type { Step } from './world.ts'

const step = (title: string, run: Step['run']): Step => ({ title, run })

/** Every step can be run alone. */
export const steps = {
  image: step('the image holds no more than it needs', image.holdsNoMoreThanItNeeds),
  shutIn: step('it starts shut in, without a target', image.startsShutIn),
  up: step('the stack comes up with nothing prepared', stack.comesUp),
  hardening: step('foreman in the stack is shut in', stack.isShutIn),
  ports: step('Ollama cannot be reached past foreman', stack.hidesOllama),
  tokens: step('tokens', use.tokensWork),
  calls: step('a call and a job', use.callsWork),
  crash: step('the container is killed', breaks.containerDies),
  power: step('the daemon and all containers are killed', breaks.machineDies),
  stop: step('docker stop', breaks.stopsInOrder),
  recreate: step('a new container on the same volume', breaks.isRecreated),
  unhealthy: step('Ollama is never healthy', breaks.ollamaIsNeverHealthy),
  upgrade: step('volumes of older foremen', olderVolumesAreTaken),
  backup: step('a copy by foreman backup', profiles.backupIsWhole),
  prometheus: step('Prometheus', profiles.prometheusScrapes),
  litestream: step('Litestream', profiles.litestreamCopies)
} as const satisfies Record<string, Step>
