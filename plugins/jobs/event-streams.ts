/** Where events are streamed: the routes and what they find are of this plugin, the stream is of whoever can do that. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Job } from '../../core/jobs/job.ts'
import { prefersEventStream } from './accept.ts'

/** Answers requests with the events of jobs, as they come. */
export interface EventStreamer {
  /**
   * Answers with those of a job.
   * @throws {InvalidEventIdError} {TooManyStreamsError} before anything is sent
   */
  answer(request: FastifyRequest, reply: FastifyReply, job: Job): FastifyReply
  /**
   * Makes room for the stream of a job that is not there yet. What it gives answers with that.
   * @throws {TooManyStreamsError}
   */
  reserve(request: FastifyRequest, reply: FastifyReply): (job: Job) => FastifyReply
}

/** Offered as `app.eventStreams`. Without a streamer the routes answer with documents. */
export class EventStreams {
  #streamer: EventStreamer | undefined

  /** From now on `streamer` answers who would rather have a stream. */
  serveBy(streamer: EventStreamer): void {
    this.#streamer = streamer
  }

  /** Who answers the request with a stream; undefined where it is to be answered with a document. */
  for({ headers }: FastifyRequest): EventStreamer | undefined {
    return prefersEventStream(headers.accept) ? this.#streamer : undefined
  }
}
