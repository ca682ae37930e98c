/**
 * From the model string of a request to an installed model, with each route's own words for failure.
 * Source: ollama/ollama `server/routes.go`, as tabled in the API reference.
 */
import type { CatalogEntry } from '../catalog/catalog.ts'
import { fullName, ModelRequiredError, parseModelRef } from '../catalog/model-name.ts'
import type { Capability } from '../config.ts'
import { goQuote } from '../go/json-write.ts'
import { type Call, HttpError } from '../http/call.ts'

/** What a route says when a name is missing or unknown; `M` stands for the name as sent. */
export interface LookupTexts {
  required: [status: number, message: string]
  missing: string
  /** What the cloud would be needed for. Defaults to `remote model is unavailable`. */
  cloud?: string
  /** The name must be spelled as installed. Defaults to false. */
  exactCase?: boolean
}

/** `/api/generate`. */
export const GENERATE_TEXTS: LookupTexts = {
  required: [404, "model 'M' not found"],
  missing: "model 'M' not found"
}
/** `/api/chat`. */
export const CHAT_TEXTS: LookupTexts = {
  required: [400, 'model is required'],
  missing: "model 'M' not found"
}
/** `/api/embed`. */
export const EMBED_TEXTS: LookupTexts = {
  required: [404, "model 'M' not found"],
  missing: 'model "M" not found, try pulling it first'
}
/** `/api/embeddings`. */
export const EMBEDDINGS_TEXTS: LookupTexts = {
  required: [400, 'model is required'],
  missing: 'model "M" not found, try pulling it first',
  exactCase: true
}

const SIGNIN_URL = 'https://ollama.com/connect?name=fake&key=fake'

/** Work that only the cloud could do, and the fake is not signed in. */
export class CloudError extends HttpError {
  readonly extra = { signin_url: SIGNIN_URL }

  constructor() {
    super(401, 'unauthorized')
  }
}

/**
 * The installed model that `sent` names; its faults are met on the way.
 * @throws {HttpError} as the route words it.
 */
export function findModel(call: Call, sent: string, texts: LookupTexts): CatalogEntry {
  const { config, catalog } = call.world
  const asked = call.meet(sent)
  const ref = parse(asked, texts)
  if (ref.source === 'cloud') throw cloudRefusal(config.cloud_disabled, texts.cloud)
  // A name that is installed with its suffix goes before the one without it.
  const entry = catalog.find(parse(sent, texts).name) ?? catalog.find(ref.name)
  const missing = (): HttpError =>
    new HttpError(
      404,
      texts.missing.replace('M', () => sent)
    )
  if (entry === undefined) throw missing()
  if (texts.exactCase && fullName(entry.name) !== fullName(ref.name)) throw missing()
  call.faults.add(entry.config.fault)
  if (ref.source === 'local' && entry.config.remote_host !== undefined) throw missing()
  return entry
}

function parse(sent: string, texts: LookupTexts): ReturnType<typeof parseModelRef> {
  try {
    return parseModelRef(sent)
  } catch (error) {
    if (error instanceof ModelRequiredError) {
      const [status, message] = texts.required
      throw new HttpError(
        status,
        message.replace('M', () => sent)
      )
    }
    throw new HttpError(400, (error as Error).message)
  }
}

/** What Ollama answers when work would have to leave the machine. */
export function cloudRefusal(disabled: boolean, what = 'remote model is unavailable'): HttpError {
  if (disabled) return new HttpError(403, `ollama cloud is disabled: ${what}`)
  return new CloudError()
}

/** @throws {HttpError} 400 when the model lacks what the request needs, in the words of that capability. */
export function checkCapability(entry: CatalogEntry, name: string, needed: Capability): void {
  if (!entry.capabilities.includes(needed)) throw new HttpError(400, `${name} does not support ${needed}`)
}

/** A name in Go's quotes, then what it does not support. */
export function unsupported(sent: string, what: string): HttpError {
  return new HttpError(400, `${goQuote(sent)} does not support ${what}`)
}
