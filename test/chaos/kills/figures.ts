/** Counts what kills met, for a person to read. */
import { type Hit, hits } from './census.ts'
import type { Aim, Kill } from './life.ts'

/** Kills by what they hit, and by how they were meant. */
export class KillFigures {
  /** All of them. */
  kills = 0
  /** A kill may hit several. */
  readonly byHit = new Map<Hit, number>(hits.map(hit => [hit, 0]))
  /** How they were meant. */
  readonly byAim = new Map<Aim, number>()

  /** @returns how many kills there were so far */
  add({ aim, hits: met }: Kill): number {
    this.byAim.set(aim, (this.byAim.get(aim) ?? 0) + 1)
    for (const hit of met) this.byHit.set(hit, this.byHit.get(hit)! + 1)
    return ++this.kills
  }

  /** What no kill hit, of what each can. */
  get missed(): Hit[] {
    return hits.filter(hit => hit !== 'nothing at all' && this.byHit.get(hit) === 0)
  }

  /** A line for each number. */
  lines(): string[] {
    const row = ([name, count]: readonly [string, number]) =>
      `  ${name.padEnd(24)} ${String(count).padStart(4)}`
    return [
      `${this.kills} kills; there was a job that was …`,
      ...[...this.byHit].map(row),
      'they were aimed at …',
      ...[...this.byAim].map(row)
    ]
  }
}
