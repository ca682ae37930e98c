/** `quick-check.ts FILE`: says what is broken in a database, a line each. A process of its own, so that it can be ended. */
import Database from 'better-sqlite3'

const db = new Database(process.argv[2]!, { readonly: true })
const found = db.pragma('quick_check(10)') as { quick_check: string }[]
console.log(found.map(row => row.quick_check).join('\n'))
db.close()
