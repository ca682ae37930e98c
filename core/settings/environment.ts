/**
 * The settings that have a variable of their own. A variable wins over the file; an empty one counts as unset.
 *
 * FOREMAN_CONFIG names the file itself and is read before. Other variables reach the file as `${NAME}`.
 */
import { childSchema, isTree, type SchemaNode, type Tree } from './check.ts'
import { type Environment, typeText } from './interpolate.ts'

/** Key path by variable. Of two variables for one key the later row wins: FOREMAN_TARGET_URL over OLLAMA_HOST. */
export const NAMED_VARIABLES = [
  ['OLLAMA_HOST', 'target.url'],
  ['FOREMAN_TARGET_URL', 'target.url'],
  ['FOREMAN_TARGET_TOKEN', 'target.token'],
  ['FOREMAN_TARGET_TOKEN_FILE', 'target.token_file'],
  ['FOREMAN_HOST', 'host'],
  ['FOREMAN_PORT', 'port'],
  ['FOREMAN_DATA_DIR', 'data_dir'],
  ['FOREMAN_TOKEN', 'plugins.auth.token'],
  ['FOREMAN_TOKEN_FILE', 'plugins.auth.token_file'],
  ['FOREMAN_EMBED_MODEL', 'embed.model'],
  ['FOREMAN_KEEP_ALIVE', 'keep_alive.idle_unload'],
  ['FOREMAN_LOG_LEVEL', 'log_level']
] as const

/**
 * Sets every named variable of `env` in `tree`, as the type its key has in `schema`.
 * @returns which variable filled which key path.
 */
export function applyEnvironment(tree: Tree, schema: SchemaNode, env: Environment): Map<string, string> {
  const filled = new Map<string, string>()
  for (const [variable, path] of NAMED_VARIABLES) {
    const text = env[variable]
    if (!text) continue
    setAt(tree, schema, path.split('.'), text)
    filled.set(path, variable)
  }
  return filled
}

function setAt(tree: Tree, schema: SchemaNode | undefined, [key, ...deeper]: string[], text: string): void {
  const known = childSchema(schema, key!)
  if (deeper.length === 0) {
    tree[key!] = typeText(text, known)
    return
  }
  tree[key!] ??= {}
  // A plugin can be switched on by `true`, which is short for no options.
  if (tree[key!] === true && known?.anyOf !== undefined) tree[key!] = {}
  const child = tree[key!]
  // A scalar where a map belongs is left alone: the check reports it.
  if (isTree(child)) setAt(child, known, deeper, text)
}
