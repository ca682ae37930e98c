/** `foreman-jobs cancel`: one line for each job, with the state that it is in now. */
import { ForemanError } from '../index.ts'
import { type Command, foremanOf, readCommandLine, UsageError } from './options.ts'

/** Ends with 1 where one of them was refused. */
export const cancel: Command = async (args, signal) => {
  const line = readCommandLine(args)
  if (line.positionals.length === 0) throw new UsageError('cancel takes the ids of jobs')
  const foreman = foremanOf(line, {})
  let code = 0
  for (const id of line.positionals) {
    try {
      console.log(`${id} ${(await foreman.cancel(id, { signal })).state}`)
    } catch (err) {
      if (!(err instanceof ForemanError) || err.status === 401 || err.status === 403) throw err
      console.error(`${id} ${err.message}`)
      code = 1
    }
  }
  return code
}
