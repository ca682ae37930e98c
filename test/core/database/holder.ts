/** Holds a data directory until it is killed: `holder.ts <dataDir>`. Tells its parent once it has it. */
import { openStore } from '../../../core/database/open.ts'

openStore(process.argv[2]!)
process.send!('holding')
// The channel to the parent keeps the process up.
process.on('message', () => {})
