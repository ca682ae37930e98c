/** The limits on what is taken in: waiting jobs by number, durable ones by the disk as well. */
import type { DiskUse } from '../database/disk-use.ts'
import { QueueFullError, QueueQuotaExceededError, StorageLowError } from '../errors.ts'
import type { QueueDepth } from '../jobs/depth.ts'
import type { Submission } from './intake.ts'
import { pollHintS } from './poll-hint.ts'

/** The limits themselves. */
export interface CapRules {
  /** Most jobs that may be queued (`queue.max_queued`). */
  readonly maxQueued: number
  /** Most bytes that foreman's data may take for durable jobs to be accepted (`queue.max_bytes`). */
  readonly maxBytes: number
  /** Bytes that must be free on the disk (`queue.min_free_bytes`); on a small one a twentieth of it is enough. */
  readonly minFreeBytes: number
}

const enoughPart = 1 / 20
const mebibyte = 1024 ** 2
const gibibyte = 1024 ** 3

/** How many jobs wait, with those that come in together now: in all, and of each owner. */
export class Headcount {
  readonly #depth: Pick<QueueDepth, 'total' | 'ofOwner'>
  readonly #caps: Pick<CapRules, 'maxQueued'>
  readonly #startsInMs: (job: Submission) => number
  readonly #claimed = new Set<string>()
  readonly #added = new Map<string, number>()
  #total = 0

  /** @param startsInMs how long a job would wait that came in now */
  constructor(
    depth: Pick<QueueDepth, 'total' | 'ofOwner'>,
    caps: Pick<CapRules, 'maxQueued'>,
    startsInMs: (job: Submission) => number
  ) {
    this.#depth = depth
    this.#caps = caps
    this.#startsInMs = startsInMs
  }

  /**
   * Counts a job, also with its caller. One whose key another of them has makes no job of its own.
   * @throws {QueueFullError} {QueueQuotaExceededError}, and what the caller throws, where it would be one too many
   */
  add(job: Submission): void {
    const { owner, idempotency, caller } = job
    const claim = idempotency && `${owner}\n${idempotency.route}\n${idempotency.key}`
    if (claim !== undefined && this.#claimed.has(claim)) return
    this.#check(job)
    caller.countJob?.()
    if (claim !== undefined) this.#claimed.add(claim)
    this.#total += 1
    this.#added.set(owner, (this.#added.get(owner) ?? 0) + 1)
  }

  #check(job: Submission): void {
    const { maxQueued } = this.#caps
    if (this.#depth.total + this.#total >= maxQueued) {
      throw new QueueFullError(
        `${maxQueued} jobs wait, which is its limit (queue.max_queued); try again later, or raise the limit`
      )
    }
    const { maxQueued: share } = job.caller.limits
    if (share === undefined) return
    if (this.#depth.ofOwner(job.owner) + (this.#added.get(job.owner) ?? 0) < share) return
    const retryAfterS = pollHintS(this.#startsInMs(job))
    throw Object.assign(new QueueQuotaExceededError(share), { retryAfterS })
  }
}

/**
 * Holds the disk against the limits.
 * @throws {QueueFullError} {StorageLowError} where no durable job may be taken now
 */
export function checkDisk(disk: DiskUse, { maxBytes, minFreeBytes }: CapRules): void {
  const { freeBytes, enoughBytes } = room(disk, minFreeBytes)
  if (freeBytes < enoughBytes) {
    const message = `the disk of the data directory has ${inWords(freeBytes)} free, and ${inWords(enoughBytes)} must be; make room`
    throw Object.assign(new StorageLowError(), { message })
  }
  const takenBytes = disk.takenBytes()
  if (takenBytes < maxBytes) return
  throw new QueueFullError(
    `foreman's data takes ${inWords(takenBytes)} on the disk, and its limit is ${inWords(maxBytes)} (queue.max_bytes); ` +
      'delete ended jobs, keep them for a shorter time (retention.job_s), or raise the limit'
  )
}

/** Whether the disk has so much left that durable jobs are taken. */
export function hasRoom(disk: DiskUse, { minFreeBytes }: Pick<CapRules, 'minFreeBytes'>): boolean {
  const { freeBytes, enoughBytes } = room(disk, minFreeBytes)
  return freeBytes >= enoughBytes
}

function room(disk: DiskUse, minFreeBytes: number): { freeBytes: number; enoughBytes: number } {
  const { freeBytes, totalBytes } = disk.space()
  return { freeBytes, enoughBytes: Math.min(minFreeBytes, totalBytes * enoughPart) }
}

function inWords(bytes: number): string {
  return bytes < gibibyte ? `${(bytes / mebibyte).toFixed(1)} MiB` : `${(bytes / gibibyte).toFixed(2)} GiB`
}
