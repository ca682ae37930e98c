/** What the route of metrics says of itself in the description of the API. */
import { Type } from 'typebox'
import type { ApiDescription } from '../../core/api-description.ts'

const exposition = { schema: Type.String({ description: 'A line a sample.' }) }

/** `GET /metrics`. */
export const metrics: ApiDescription = {
  operationId: 'get_metrics',
  summary: 'What happens, as numbers for Prometheus',
  tag: 'metrics',
  headers: { Accept: Type.String({ description: '`application/openmetrics-text` for OpenMetrics.' }) },
  answers: {
    200: {
      means: 'All series.',
      bodies: { 'text/plain': exposition, 'application/openmetrics-text': exposition }
    }
  }
}
