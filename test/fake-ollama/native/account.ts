/**
 * Routes about the server's account with ollama.com. The fake has none.
 * Source: ollama/ollama `server/routes.go` (WhoamiHandler, SignoutHandler and below).
 */
import { type Call, HttpError } from '../http/call.ts'
import { CloudError, cloudRefusal } from './lookup.ts'

/** POST `/api/me`: nobody is signed in. */
export function meRoute(): never {
  throw new CloudError()
}

/** POST `/api/signout` and DELETE `/api/user/keys/:encodedKey`. */
export function signoutRoute(): never {
  throw new HttpError(401, 'you are not currently signed in')
}

/** POST `/api/experimental/web_search` and `web_fetch`: the cloud's work. */
export function webRoute(call: Call): never {
  if (call.body.toString().trim() === '') throw new HttpError(400, 'missing request body')
  const what = call.path.endsWith('search') ? 'web search is unavailable' : 'web fetch is unavailable'
  throw cloudRefusal(call.world.config.cloud_disabled, what)
}

/** GET `/api/experimental/model-recommendations`. */
export function recommendationsRoute(call: Call): void {
  call.json(200, { recommendations: [] })
}
