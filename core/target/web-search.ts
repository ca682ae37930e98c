/**
 * Which requests make the target search the web: it asks ollama.com with words of the model's, and puts what it finds
 * before the model, without a word to whoever stands in front of it.
 *
 * Source: ollama/ollama middleware/anthropic.go and server/cloud_proxy.go, `hasWebSearchTool` (any type that begins so,
 * on `/v1/messages`); openai/responses.go, `HasWebSearchTool` (that type alone, on `/v1/responses`, where OpenAI's API
 * has `web_search_preview` and dated spellings too). On other routes such a tool is one like others.
 */

const searchingPaths: ReadonlySet<string> = new Set(['/v1/messages', '/v1/responses'])

/** White space as Go trims it has one character more than JavaScript's. */
const searchType = /^[\s\u0085]*web_search/

/** Whether a request to `path` with tools of these types would do so. */
export function searchesWeb(path: string, toolTypes: readonly string[]): boolean {
  return searchingPaths.has(path) && toolTypes.some(type => searchType.test(type))
}
