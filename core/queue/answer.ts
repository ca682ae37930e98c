/** Where the target's answer to a job goes, byte by byte: to the caller that waits, or into the store. */
import type { ForemanError } from '../errors.ts'
import type { Output } from '../jobs/artifacts.ts'
import type { AnswerTaker } from '../jobs/output.ts'
import type { Usage } from '../jobs/usage.ts'
import type { CallOptions, ResponseHandler, TargetClient, TargetRequest } from '../target/client.ts'
import type { Inference } from '../target/inference.ts'

/** Receives one answer. After `end` or `fail` nothing else is called. */
export interface AnswerSink extends ResponseHandler {
  /** The answer is complete and the job has ended with it. */
  end(): void
  /** No answer, or no more of it: foreman's own words, before or after the head. */
  fail(error: ForemanError): void
  /** Gives its parts to `taker` as they come. Called before the head, where at all. */
  writeTo?(taker: AnswerTaker): void
  /** What the store shall keep of the answer so far; nothing where the caller has it and nobody else wants it. */
  kept?(): Output | undefined
  /** What that answer took, where its records tell. */
  usage?(): Usage | undefined
}

/** A call whose caller holds the connection. Lives in memory only. */
export interface AttachedCall {
  readonly request: TargetRequest
  /** What the request asks for, as it was read at admission. */
  readonly inference: Inference
  readonly sink: AnswerSink
  /** Where it is sent in more than one request. */
  readonly batches?: CallBatches
}

/** A call in pieces: sends them one after another and gives the handler one answer. */
export interface CallBatches {
  /** How far it is. */
  readonly progress: Progress
  send(client: TargetClient, handler: ResponseHandler, options: CallOptions): Promise<void>
}

/** How much of a call is done, counted in inputs. */
export interface Progress {
  readonly done: number
  readonly total: number
}

/** How far a running call is. */
export interface RunProgress {
  /** Of one that is sent in pieces. */
  readonly inputs?: Progress
  /** Of one whose answer comes piece by piece: its records so far, about a token each, and how fast they came. */
  readonly answer?: { readonly tokens: number; readonly tokensPerS: number | null }
}

/** The attached calls that have not ended, by job id. */
export class AttachedCalls {
  readonly #calls = new Map<string, AttachedCall>()

  /** Registers the call of an accepted job. Do it before the job may run. */
  add(jobId: string, call: AttachedCall): void {
    this.#calls.set(jobId, call)
  }

  get(jobId: string): AttachedCall | undefined {
    return this.#calls.get(jobId)
  }

  /** The job has ended: gives its call back and forgets it. */
  release(jobId: string): AttachedCall | undefined {
    const call = this.#calls.get(jobId)
    this.#calls.delete(jobId)
    return call
  }

  /** Ids of all jobs that somebody waits for. */
  ids(): string[] {
    return [...this.#calls.keys()]
  }
}
