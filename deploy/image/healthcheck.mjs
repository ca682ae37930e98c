/**
 * What the image asks for its health: `GET /healthz` of this container's foreman. Ends with 0 where it answers 200, else with 1.
 *
 * Not `/readyz`: a full disk or a drained queue are no fault of the process, and some supervisors restart what is not
 * healthy. A target that is away is `degraded` and healthy. Plain JavaScript, and no `fetch`: it runs all the time.
 */
import { get } from 'node:http'

const { FOREMAN_HOST: host, FOREMAN_PORT: port } = process.env
const everywhere = ['0.0.0.0', '::', undefined, '']
const request = get(
  { host: everywhere.includes(host) ? '127.0.0.1' : host, port, path: '/healthz', timeout: 4000 },
  answer => process.exit(answer.statusCode === 200 ? 0 : 1)
)
request.on('timeout', () => request.destroy(new Error('no answer')))
request.on('error', () => process.exit(1))
