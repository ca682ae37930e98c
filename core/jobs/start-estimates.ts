/**
 * What was foretold of the first start of each durable job when it came in, and whether it came true: so that
 * estimates can be learned from their errors, and everybody can see how good they are.
 */
import type { Database, Statement } from 'better-sqlite3'

/** What a caller was told. Times in ms. */
export interface StartEstimate {
  /** The jobs that it is compared with: see `calibration.ts`. */
  readonly basis: string
  /** The job's arrival or its `not_before`: the others count from here. Since 1970. */
  readonly fromAt: number
  /** What the schedule would give if nothing else came in, before anything is learned from errors. */
  readonly expectedMs: number
  /** By then nine of ten such jobs should have started. */
  readonly p90Ms: number
}

/** An estimate that has come true or not. */
export interface MetEstimate extends StartEstimate {
  readonly waitedMs: number
}

/** How often the estimates held: jobs that started, and those of them that did so within the p90. */
export interface EtaScore {
  readonly jobs: number
  readonly withinP90: number
}

const hourMs = 3_600_000
const hoursOfDay = 24

/** Writes for the store, in its transactions; reads for whoever learns and shows. */
export class StartEstimates {
  readonly #insert: Statement
  readonly #meet: Statement
  readonly #count: Statement
  readonly #met: Statement
  readonly #newest: Statement
  readonly #score: Statement

  constructor(db: Database) {
    const columns =
      'basis, from_at AS fromAt, expected_ms AS expectedMs, p90_ms AS p90Ms, waited_ms AS waitedMs'
    this.#insert = db.prepare(
      'INSERT INTO start_estimate (job_seq, basis, from_at, expected_ms, p90_ms) VALUES (?, ?, ?, ?, ?)'
    )
    this.#meet = db.prepare(`UPDATE start_estimate SET waited_ms = max(0, @at - from_at)
      WHERE job_seq = @seq AND waited_ms IS NULL RETURNING waited_ms <= p90_ms`)
    this.#count = db.prepare(`INSERT INTO eta_hour (hour, jobs, within_p90) VALUES (@hour, 1, @within)
      ON CONFLICT (hour) DO UPDATE SET jobs = jobs + 1, within_p90 = within_p90 + @within`)
    this.#met = db.prepare(
      `SELECT ${columns} FROM start_estimate WHERE job_seq = ? AND waited_ms IS NOT NULL`
    )
    this.#newest = db.prepare(`SELECT ${columns} FROM start_estimate WHERE waited_ms IS NOT NULL
      ORDER BY job_seq DESC LIMIT ?`)
    this.#score = db.prepare(`SELECT ifnull(sum(jobs), 0) AS jobs, ifnull(sum(within_p90), 0) AS withinP90
      FROM eta_hour WHERE hour > ?`)
    this.#meet.pluck()
  }

  /** In the transaction that accepts the job. */
  add(jobSeq: number, { basis, fromAt, expectedMs, p90Ms }: StartEstimate): void {
    this.#insert.run(jobSeq, basis, fromAt, Math.round(expectedMs), Math.ceil(p90Ms))
  }

  /** In the transaction that takes the job to work, at `at`: counts the first time only. */
  started(jobSeq: number, at: number): void {
    const within = this.#meet.get({ seq: jobSeq, at }) as number | undefined
    if (within !== undefined) this.#count.run({ hour: Math.floor(at / hourMs), within })
  }

  /** The estimate of a job that has started. */
  met(jobSeq: number): MetEstimate | undefined {
    return this.#met.get(jobSeq) as MetEstimate | undefined
  }

  /** Of the newest jobs that have started, the oldest first. */
  newest(count: number): MetEstimate[] {
    return (this.#newest.all(count) as MetEstimate[]).reverse()
  }

  /** Of all jobs ever; with `now` of the last day alone, by whole hours. */
  score(now?: number): EtaScore {
    return this.#score.get(now === undefined ? -1 : Math.floor(now / hourMs) - hoursOfDay) as EtaScore
  }
}
