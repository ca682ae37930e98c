/**
 * `foreman doctor`: looks at settings, data directory, clock, running foreman and target, and says what to mend.
 *
 * Runs beside a running foreman or without one, as the same user and with the same settings. Exits with 1 where it found a
 * fault; warnings alone leave it at 0. docs/doctor.md lists what it can find.
 */
import { parseArgs } from 'node:util'
import { CommandError, type PluginCommand } from '../plugin-loader.ts'
import { examine } from './doctor/examine.ts'
import { isFault, reportAsJson, reportInWords } from './doctor/report.ts'

const usage = `usage: foreman doctor [--json] [--probe]   looks at everything and says what to mend

  --json    for machines
  --probe   loads the embedding model and a small one, past the queue, to see whether both stay loaded`

/** The command. */
export const doctorCommand: PluginCommand = {
  usage,
  async run({ settings, args }) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { json: { type: 'boolean' }, probe: { type: 'boolean' } },
      allowPositionals: true
    })
    if (positionals.length > 0) throw new CommandError(`unexpected: ${positionals.join(' ')}\n\n${usage}`)
    const findings = await examine(settings, { probe: values.probe })
    console.log(values.json ? reportAsJson(findings) : reportInWords(findings))
    if (findings.some(isFault)) process.exitCode = 1
  }
}
