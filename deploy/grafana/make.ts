/** Writes the dashboard to where Grafana and the compose stack read it. Run it after each change: a test compares. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dashboard } from './dashboard.ts'

const file = join(import.meta.dirname, 'dashboards', 'foreman.json')
writeFileSync(file, JSON.stringify(dashboard(), undefined, 2))
const biome = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'biome')
spawnSync(biome, ['format', '--write', file], { stdio: 'inherit' })
