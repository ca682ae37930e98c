/** `foreman key add`: enrols the public key of an ollama CLI, which then needs no token. */
import { text as readAll } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { CommandError, type PluginCommand } from '../../../core/plugin-loader.ts'
import { PublicKeyError, readPublicKey } from '../ssh-key.ts'
import { atDesk, draftOptions, readDraft } from './store.ts'

const usage = `usage: foreman key add [--name N] [--scopes inference] [limits] < ~/.ollama/id_ed25519.pub
                  then OLLAMA_AUTH=1 OLLAMA_HOST=… ollama ls; "foreman token" lists and revokes keys, too`

/** The command. */
export const keyCommand: PluginCommand = {
  usage,
  async run({ settings, args: [act, ...args] }) {
    if (act !== 'add') throw new CommandError(usage)
    const { values } = parseArgs({ args: [...args], options: draftOptions })
    const key = readKey(await readAll(process.stdin))
    const draft = readDraft(
      {
        ...values,
        name: values.name ?? key.comment ?? key.fingerprint,
        scopes: values.scopes ?? 'inference'
      },
      Date.now()
    )
    atDesk(settings, ({ tokens, wrote }) => {
      const token = tokens.addKey(draft, key.blob)
      wrote('key.add', token.id)
      console.log(`${token.id} for ${token.name} (${key.fingerprint}): ${token.scopes.join(', ')}`)
    })
  }
}

function readKey(text: string) {
  try {
    return readPublicKey(text)
  } catch (err) {
    if (err instanceof PublicKeyError) throw new CommandError(err.message)
    throw err
  }
}
