/**
 * One request to the fake's control routes, on a connection of its own.
 *
 * `fetch` would pool connections, and a pooled one may belong to a fake that was killed since.
 */
import { request } from 'node:http'
import { text } from 'node:stream/consumers'

/** The JSON answer. @throws {Error} with the fake's own words on a refusal. */
export async function ask<T>(url: string, method = 'GET', body?: object): Promise<T> {
  const { status, json } = await exchange(url, method, body)
  if (status !== 200) throw new Error(`fake Ollama: ${(json as { error: string }).error}`)
  return json as T
}

function exchange(url: string, method: string, body?: object): Promise<{ status: number; json: unknown }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, agent: false }, response => {
      text(response).then(
        json => resolve({ status: response.statusCode ?? 0, json: JSON.parse(json) }),
        reject
      )
    })
    outgoing.once('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
  })
}
