/** Shows the board while the jobs run: one block that is drawn anew on a terminal, else a line now and then. */
import type { Writable } from 'node:stream'
import { stripVTControlCharacters, styleText } from 'node:util'
import type { Board, ModelState } from './board.ts'

const redrawMs = 100
const lineMs = 3000
const barWidth = 40

/** Where to: a terminal has `isTTY` and a width. */
export type Screen = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/** Begins to show `board`, of which `expected` jobs will come. @returns a function that draws the end and stops */
export function showProgress(board: Board, expected: number, out: Screen): () => void {
  const startedAt = performance.now()
  const elapsed = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`.padStart(7)
  let drawn = 0
  const draw = () => {
    const lines = out.isTTY ? block(board, expected, elapsed()) : [line(board, expected, elapsed())]
    const back = out.isTTY && drawn > 0 ? `\x1b[${drawn}A\x1b[J` : ''
    // A wrapped line would make the block longer than what is taken back.
    out.write(`${back}${lines.map(text => cut(text, out.columns)).join('\n')}\n`)
    drawn = lines.length
  }
  const timer = setInterval(draw, out.isTTY ? redrawMs : lineMs)
  return () => {
    clearInterval(timer)
    draw()
  }
}

function line(board: Board, expected: number, elapsed: string): string {
  const loaded = [...board.models].find(([, state]) => state.memory !== 'out')
  const memory = loaded === undefined ? 'nothing loaded' : `${loaded[0]} ${loaded[1].memory}`
  const done = `${String(board.total('done')).padStart(3)} of ${expected} done`
  const waiting = `${String(board.total('waiting')).padStart(3)} waiting`
  return `${elapsed}  ${done}, ${waiting}, loads so far ${board.total('loads')}, ${memory}`
}

function block(board: Board, expected: number, elapsed: string): string[] {
  const done = board.total('done') + board.total('failed')
  const filled = Math.round((done / expected) * barWidth)
  const bar = `${'█'.repeat(filled)}${styleText('dim', '░'.repeat(barWidth - filled))}`
  return [
    styleText('dim', '  model           memory    waiting    done   loads'),
    ...[...board.models].map(([name, state]) => row(name, state)),
    `  ${bar}  ${done} of ${expected} jobs ${elapsed}`,
    `  ${styleText('dim', now(board))}`
  ]
}

function row(name: string, { memory, waiting, done, loads }: ModelState): string {
  const figures = [waiting, done, loads].map(figure => String(figure).padStart(8)).join('')
  return `  ${name.padEnd(16)}${styleText(colors[memory], words[memory].padEnd(9))}${figures}`
}

function now({ running }: Board): string {
  if (running === undefined) return 'idle'
  return `${running.state} for ${running.priority} ${running.kind} ${running.id}`
}

const words = { out: '-', loading: 'loading', loaded: 'loaded' } as const
const colors = { out: 'dim', loading: 'yellow', loaded: 'green' } as const

/** Colors are given up where the text is too long for the line. */
function cut(text: string, columns: number | undefined): string {
  const plain = stripVTControlCharacters(text)
  return columns === undefined || plain.length < columns ? text : plain.slice(0, columns - 1)
}
