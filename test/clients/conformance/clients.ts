/** The clients whose scripts are run both ways. */
import { join } from 'node:path'

/** How to start a script; the base URL comes after the arguments. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly cwd: string
}

/** What must be there before a script can run: nothing, or what its folder pins, in a folder that goes again. */
export type Needs = 'nothing' | 'npm' | 'pip' | 'go'

/** One client. */
export interface Client {
  readonly name: string
  readonly needs: Needs
  /** In the folder of its language. */
  readonly script: string
  /** Its library only stops listening to a stream that is left, and keeps the connection: nobody sees it leave. */
  readonly lingers?: true
}

/** Where the scripts are. */
export const folders = {
  javascript: join(import.meta.dirname, 'javascript'),
  python: join(import.meta.dirname, 'python'),
  go: join(import.meta.dirname, 'go')
}

/** All of them, in the order in which they are run. */
export const clients: readonly Client[] = [
  { name: 'ollama', needs: 'nothing', script: 'ollama.ts' },
  { name: 'openai', needs: 'nothing', script: 'openai.ts' },
  { name: 'anthropic', needs: 'nothing', script: 'anthropic.ts' },
  // It hands the signal to a client that knows of none.
  { name: 'ai-sdk-ollama', needs: 'npm', script: 'ai-sdk-ollama.js', lingers: true },
  { name: 'ai-sdk-openai-compatible', needs: 'npm', script: 'ai-sdk-openai-compatible.js' },
  { name: 'langchain', needs: 'npm', script: 'langchain.js' },
  { name: 'python-ollama', needs: 'pip', script: 'ollama_client.py' },
  { name: 'python-openai', needs: 'pip', script: 'openai_client.py' },
  { name: 'python-anthropic', needs: 'pip', script: 'anthropic_client.py' },
  { name: 'python-langchain', needs: 'pip', script: 'langchain_client.py' },
  { name: 'go', needs: 'go', script: '.' }
]

/** Those that need nothing but the packages of this repository. */
export const ready = clients.filter(({ needs }) => needs === 'nothing')

/** Starts a script in JavaScript that lies in `folder`. */
export function node(script: string, folder = folders.javascript): Command {
  return { program: process.execPath, args: [join(folder, script)], cwd: folder }
}
