/** A request for each code that routes of webhooks refuse with. */
import type { Operation } from './description.ts'
import type { Refusal, Wrong } from './refusals.ts'
import { kindOf, model, pathOf, type Stage } from './stage.ts'

const refusedUrl = 'https://localhost/'

async function refusedWebhook(stage: Stage, operation: Operation): Promise<Wrong> {
  const { method, operationId } = operation
  const kind = kindOf(operation)
  const path = pathOf(operation, kind && (await stage.make(kind)))
  const job = { model, prompt: 'hello', webhook: { url: refusedUrl } }
  return { asked: { method, path, body: operationId === 'create_job' ? job : { url: refusedUrl } } }
}

/** A request about a delivery, or about its endpoint, after something was done to that. */
const afterwards =
  (method: string, action: string): Refusal =>
  async (stage, operation) => {
    const endpoint = await stage.endpoint()
    const delivery = await stage.delivery(endpoint)
    await stage.send({ method, path: `/webhook-endpoints/${endpoint}${action}` })
    const id = kindOf(operation) === 'webhook-endpoints' ? endpoint : delivery
    return { asked: { method: operation.method, path: pathOf(operation, id) } }
  }

/** A request about a delivery that told of a job, which is gone. */
async function silenced(stage: Stage, operation: Operation): Promise<Wrong> {
  const id = await stage.delivery(await stage.endpoint())
  stage.app.db.prepare('DELETE FROM webhook_message').run()
  return { asked: { method: operation.method, path: pathOf(operation, id) } }
}

/** By code. */
export const webhookRefusals: Readonly<Record<string, Refusal>> = {
  webhook_url_refused: refusedWebhook,
  endpoint_disabled: afterwards('POST', '/disable'),
  endpoint_removed: afterwards('DELETE', ''),
  delivery_body_removed: silenced
}
