/** This machine's clock against another's. */
import { amiss, type Finding, well } from './finding.ts'

/** As far as the time of a signature of the `ollama` command may be off by default (`plugins.auth.signature_window_s`). */
const toleratedMs = 60_000

/** @param aheadMs how far the other clock is ahead; undefined where it did not tell */
export function examineClock(who: string, aheadMs: number | undefined): Finding[] {
  if (aheadMs === undefined) return []
  const offS = Math.round(Math.abs(aheadMs) / 1000)
  if (Math.abs(aheadMs) <= toleratedMs) return [well('clock.agrees', `this clock and that of ${who} agree`)]
  const seen = `the clock of ${who} is ${offS} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this one`
  const mend =
    'set the wrong one right (NTP): signatures of the ollama command are refused when foreman and caller differ by a minute'
  return [amiss('clock.off', seen, mend)]
}
