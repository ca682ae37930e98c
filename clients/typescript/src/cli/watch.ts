/** `foreman-jobs watch`: the text of a job on stdout as it is written, its states on stderr. */
import {
  type AnswerUpdate,
  type Foreman,
  isEnd,
  isKnown,
  JobNotDoneError,
  TextMissingError
} from '../index.ts'
import { Answer } from '../text.ts'
import { type Command, foremanOf, readCommandLine, UsageError } from './options.ts'

/** Ends with 0 where the job is done. */
export const watch: Command = async (args, signal) => {
  const line = readCommandLine(args)
  const [id, ...more] = line.positionals
  if (id === undefined || more.length > 0) throw new UsageError('watch takes the id of one job')
  const foreman = foremanOf(line, {
    onRetry: ({ error }) => console.error(`[${error.message}: trying again]`)
  })
  try {
    await show(foreman, id, signal)
    process.stdout.write('\n')
    return 0
  } catch (err) {
    if (!(err instanceof JobNotDoneError || err instanceof TextMissingError)) throw err
    console.error(`\n[${err.message}]`)
    return 1
  }
}

async function show(foreman: Foreman, id: string, signal: AbortSignal): Promise<void> {
  const answer = new Answer()
  for await (const event of foreman.follow(id, { signal })) {
    for (const update of answer.take(event)) print(update)
    if (!isKnown(event)) continue
    if (event.type === 'queue.position') console.error(`[queued: ${event.data.position} before it]`)
    else if (event.seq !== undefined && 'state' in event.data && !isEnd(event))
      console.error(`[${event.data.state}]`)
  }
}

function print(update: AnswerUpdate): void {
  if (update.type === 'reset') process.stdout.write('\n--- the text begins anew ---\n')
  else (update.channel === 'content' ? process.stdout : process.stderr).write(update.text)
}
