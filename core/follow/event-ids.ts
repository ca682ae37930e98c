/**
 * What followers give to go on behind: the id of the last event they had. In the stream of a job that is `<job id>:<seq>`, in
 * that of all jobs `<epoch>:<n>`.
 */
import { InvalidEventIdError } from '../errors.ts'
import type { JobEvent } from '../jobs/events.ts'
import type { Place } from '../jobs/places.ts'

const seqForm = /^(0|[1-9]\d{0,14})$/
const placeForm = /^([0-9a-f]{12}):(0|[1-9]\d{0,14})$/

/** The id of an event in the stream of its job. */
export function idInJob({ jobId, seq }: Pick<JobEvent, 'jobId' | 'seq'>): string {
  return `${jobId}:${seq}`
}

/** The `seq` in the id of an event of the job. @throws {InvalidEventIdError} where it is of another job, or no such id */
export function seqOfId(id: string, jobId: string): number {
  if (!id.startsWith(`${jobId}:`)) throw new InvalidEventIdError('it is no id of an event of this job')
  return seqOf(id.slice(jobId.length + 1))
}

/** A `seq` in digits. @throws {InvalidEventIdError} */
export function seqOf(text: string): number {
  if (!seqForm.test(text)) throw new InvalidEventIdError('the seq of an event is a whole number')
  return Number(text)
}

/** The id of an event in the stream of all jobs. */
export function idAmongAll({ n }: Pick<JobEvent, 'n'>, epoch: string): string {
  return `${epoch}:${n}`
}

/** The place in the id of an event among all. Whether it was one of this store is not looked at. @throws {InvalidEventIdError} */
export function placeOfId(id: string): Place {
  const found = placeForm.exec(id)
  if (found === null) throw new InvalidEventIdError('it is no id of an event of all jobs')
  return { epoch: found[1]!, n: Number(found[2]) }
}
