/** Says when the text of ended jobs is folded up, which otherwise is ten minutes after their end. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'

const lookMs = 50

/** Makes the time come for all text that is to be folded up, and waits until it is. */
export async function foldNow(dataDir: string): Promise<void> {
  const db = new Database(join(dataDir, 'foreman.db'))
  try {
    db.exec('UPDATE output_unfolded SET fold_at = 0')
    const left = db.prepare('SELECT count(*) FROM output_unfolded').pluck()
    while (left.get() !== 0) await sleep(lookMs)
  } finally {
    db.close()
  }
}

/** Puts it off until {@link foldNow}, for those who take their time. */
export function foldLater(dataDir: string): void {
  const db = new Database(join(dataDir, 'foreman.db'))
  db.prepare('UPDATE output_unfolded SET fold_at = ?').run(Number.MAX_SAFE_INTEGER)
  db.close()
}
