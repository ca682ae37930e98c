import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ConfigError, loadSettings, requireLoopback, type Settings } from '../../core/settings.ts'
import fc from '../helpers/fast-check.ts'

type Env = Record<string, string>

/** A folder of its own for one test, with foreman.yaml in it where `yaml` is given. */
function folder(t: TestContext, yaml?: string): string {
  const cwd = mkdtempSync(join(tmpdir(), 'foreman-settings-'))
  t.after(() => rmSync(cwd, { recursive: true }))
  if (yaml !== undefined) writeFileSync(join(cwd, 'foreman.yaml'), yaml)
  return cwd
}

const load = (t: TestContext, yaml?: string, env: Env = {}): Settings =>
  loadSettings({ env, cwd: folder(t, yaml) })

/** The faults that stop the start, as `path: problem`. */
function faultsOf(action: () => unknown): string[] {
  try {
    action()
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    for (const { path, problem } of error.faults) assert.ok(error.message.includes(`${path}: ${problem}`))
    return error.faults.map(({ path, problem }) => `${path}: ${problem}`)
  }
  return assert.fail('expected a ConfigError')
}

const faults = (t: TestContext, yaml: string, env: Env = {}) => faultsOf(() => load(t, yaml, env))

test('without a file and without variables the defaults hold', t => {
  const cwd = folder(t)
  assert.deepEqual(loadSettings({ env: {}, cwd }), {
    target: { url: 'http://127.0.0.1:11434', tls: { reject_unauthorized: true }, connect_timeout_s: 5 },
    host: '127.0.0.1',
    port: 8080,
    trust_proxy: [],
    cors: { origins: [] },
    open_to_everyone: false,
    data_dir: join(cwd, 'data'),
    log_level: 'info',
    queue: {
      patience_s: { interactive: 15, normal: 600, batch: 21_600 },
      load_share: { interactive: 0.2, normal: 0.1, batch: 0.1 },
      linger: 0.1,
      worker_slots: 1,
      max_queued: 100_000,
      max_bytes: 10 * 1024 ** 3,
      min_free_bytes: 1024 ** 3
    },
    limits: {
      attached_start_timeout_s: 600,
      run_timeout_s: 1800,
      stall_timeout_s: 300,
      first_token_timeout_s: 900,
      unload_timeout_s: 30,
      head_timeout_s: 30,
      head_bytes: 16_384,
      body_bytes: 67_108_864,
      json_depth: 64,
      max_streams: 5000,
      max_streams_per_token: 50,
      body_min_bytes_per_s: 500,
      body_grace_s: 20,
      shutdown_s: 8
    },
    retry: { max_attempts: 5, backoff_s: 5, backoff_factor: 2, backoff_jitter: 0.2, backoff_cap_s: 300 },
    retention: {
      job_s: 86_400,
      upload_s: 86_400,
      tombstone_s: 2_592_000,
      history_s: 86_400,
      sweep_interval_s: 60
    },
    artifacts: {
      max_bytes_each: 100 * 1024 ** 2,
      max_bytes_total: 10 * 1024 ** 3,
      max_request_bytes: 256 * 1024 ** 2
    },
    keep_alive: { idle_unload: '30m', respect_clients: false },
    poll: { ps_s: 5, tags_s: 30, probe_max_s: 30 },
    plugins: {},
    embed: { concurrency: 4 },
    base_dir: cwd
  })
})

test('an empty file, and a file of headings without keys, change nothing', t => {
  for (const yaml of ['', '# nothing yet\n', 'target:\nqueue:\n  patience_s:\n']) {
    const { target, queue } = load(t, yaml)
    assert.equal(target.url, 'http://127.0.0.1:11434', yaml)
    assert.equal(queue.patience_s.normal, 600)
  }
})

test('a file changes what it names and nothing else', t => {
  const { queue, plugins } = load(
    t,
    'queue: { patience_s: { normal: 60 }, linger: 0 }\nplugins: { a: true, b: false, ./c.ts: , d: { x: [1] } }\n'
  )
  assert.deepEqual(queue.patience_s, { interactive: 15, normal: 60, batch: 21_600 })
  assert.equal(queue.linger, 0)
  assert.deepEqual(plugins, { a: true, b: false, './c.ts': {}, d: { x: [1] } })
})

test('every fault is told at once, with its key, what was expected and what was found', t => {
  const yaml = `
target: { token: 12345, tls: 3, connect_timeout_s: 0 }
qeue: {}
queue: { patience_s: { normal: soon, bacth: 3 }, load_share: { interactive: 1 }, max_queued: 0.5 }
port: "8080"
host: [a]
log_level: loud
keep_alive: { idle_unload: "-1", respect_clients: 1 }
limits: { run_timeout_s: 1e9 }
poll: { ps_s: 6 }
plugins: { a: 3 }
retry: { max_attempts: 0 }
retention: { job_s: 0 }
embed: { concurrency: 1.5 }
`
  assert.deepEqual(faults(t, yaml), [
    'target.token: expected text, found a number (not shown)',
    'target.tls: expected a map of keys, found 3',
    'target.connect_timeout_s: expected a number greater than 0 and at most 2147483, found 0',
    'qeue: unknown key; the nearest known one is queue',
    'queue.patience_s.normal: expected a number at least 0, found the text "soon"',
    'queue.patience_s.bacth: unknown key; the nearest known one is queue.patience_s.batch',
    'queue.load_share.interactive: expected a number greater than 0 and less than 1, found 1',
    'queue.max_queued: expected a whole number at least 1, found 0.5',
    'port: expected a whole number at least 0 and at most 65535, found the text "8080"',
    'host: expected text, found a list',
    'log_level: expected one of trace, debug, info, warn, error, fatal, silent, found the text "loud"',
    'keep_alive.idle_unload: expected a duration such as "30m", a number of seconds, or -1, found the text "-1"',
    'keep_alive.respect_clients: expected true or false, found 1',
    'limits.run_timeout_s: expected a number greater than 0 and at most 2147483, found 1000000000',
    'poll.ps_s: expected a number greater than 0 and at most 5, found 6',
    'plugins.a: expected false, true or a map of options, found 3',
    'retry.max_attempts: expected a whole number at least 1, found 0',
    'retention.job_s: expected a number greater than 0, found 0',
    'embed.concurrency: expected a whole number at least 1, found 1.5'
  ])
})

test('YAML that is not valid is refused with its line', t => {
  const cwd = folder(t, 'host: a\nport: 1\nhost: b\n')
  const file = join(cwd, 'foreman.yaml')
  assert.deepEqual(
    faultsOf(() => loadSettings({ env: {}, cwd })),
    [`${file}:3: the key host is there twice`]
  )
  for (const yaml of ['a: [1\n', 'a: !secret x\n', 'host: a\n---\nport: 1\n']) {
    assert.match(faults(t, yaml)[0]!, /foreman\.yaml:\d+: /, yaml)
  }
  const unquoted = faults(t, `port: 1\ntarget: { url: \${URL} }\nhost: a\n`)
  assert.equal(unquoted.length, 1)
  assert.match(unquoted[0]!, /foreman\.yaml:2: .* a variable must be in quotes/)
  assert.match(faults(t, 'host: *nowhere\n')[0]!, /nowhere/)
  for (const yaml of ['- host\n', 'host\n'])
    assert.match(faults(t, yaml)[0]!, /expected a map of keys at the top/)
})

test('a file that is named must be there; --config wins over FOREMAN_CONFIG', t => {
  const cwd = folder(t, 'port: 1\n')
  writeFileSync(join(cwd, 'other.yaml'), 'port: 2\n')
  writeFileSync(join(cwd, 'third.yaml'), 'port: 3\n')
  const port = (configPath: string | undefined, env: Env) => loadSettings({ configPath, env, cwd }).port
  assert.equal(port(undefined, {}), 1)
  assert.equal(port(undefined, { FOREMAN_CONFIG: 'other.yaml' }), 2)
  assert.equal(port('third.yaml', { FOREMAN_CONFIG: 'other.yaml' }), 3)
  assert.equal(port(undefined, { FOREMAN_CONFIG: '' }), 1)
  const missing = join(cwd, 'none.yaml')
  const expected = [`${missing}: expected a configuration file, found nothing`]
  assert.deepEqual(
    faultsOf(() => port('none.yaml', {})),
    expected
  )
  assert.deepEqual(
    faultsOf(() => port(undefined, { FOREMAN_CONFIG: missing })),
    expected
  )
  mkdirSync(join(cwd, 'folder'))
  assert.match(faultsOf(() => port('folder', {}))[0]!, /expected a file that can be read/)
})

test('a relative path is taken from where it is written', t => {
  const cwd = folder(t)
  mkdirSync(join(cwd, 'etc'))
  writeFileSync(
    join(cwd, 'etc', 'f.yaml'),
    'data_dir: state\ntarget: { tls: { ca_file: ca.pem, key_file: /k.pem } }\n'
  )
  const settings = loadSettings({ configPath: 'etc/f.yaml', env: {}, cwd })
  assert.equal(settings.base_dir, join(cwd, 'etc'))
  assert.equal(settings.data_dir, join(cwd, 'etc', 'state'))
  assert.equal(settings.target.tls.ca_file, join(cwd, 'etc', 'ca.pem'))
  assert.equal(settings.target.tls.key_file, '/k.pem')
  const fromVariable = loadSettings({ configPath: 'etc/f.yaml', env: { FOREMAN_DATA_DIR: 'state' }, cwd })
  assert.equal(fromVariable.data_dir, join(cwd, 'state'))
})

test('a variable is filled in, typed as its key asks, and cannot break the YAML', t => {
  const yaml = `
host: \${HOST_NAME}
port: \${PORT}
target: { url: "http://\${BOX:-box}:\${BOX_PORT:-1}", token: "\${TOKEN}" }
keep_alive: { idle_unload: "\${IDLE}", respect_clients: "\${RESPECT:-true}" }
embed: { model: "$\${MODEL}" }
log_level: \${EMPTY}
plugins: { own: { list: ["\${PORT}", "\${EMPTY:-}"], other: "a\${EMPTY}b", third: "\${NONE:-}" } }
`
  const env = { HOST_NAME: 'a: b # {c}\n- d', PORT: '81', BOX_PORT: '', TOKEN: '0123', IDLE: '-1', EMPTY: '' }
  const settings = load(t, yaml, env)
  assert.equal(settings.host, env.HOST_NAME)
  assert.equal(settings.port, 81)
  assert.equal(settings.target.url, 'http://box:1')
  assert.equal(settings.target.token, '0123')
  assert.deepEqual(settings.keep_alive, { idle_unload: -1, respect_clients: true })
  assert.equal(settings.embed.model, `\${MODEL}`)
  assert.equal(settings.log_level, 'info')
  assert.deepEqual(settings.plugins.own, { list: ['81'], other: 'ab' })
})

test('any value of a variable arrives as it is', t => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), value => {
      const { target } = load(t, `target: { token: "\${TOKEN}" }`, { TOKEN: value })
      assert.equal(target.token, value)
    }),
    { numRuns: 50 }
  )
})

test('a variable that is not set, and a reference that is none, are faults at their keys', t => {
  const yaml = `
host: \${NOT_SET}
port: \${PORT}
target: { token: "\${open", url: "\${1x}" }
plugins: { a: { b: ["\${NO}"] } }
`
  assert.deepEqual(faults(t, yaml, { PORT: 'eighty' }), [
    `host: the environment variable NOT_SET is not set, and there is no default (\${NOT_SET:-…})`,
    `target.token: expected \${NAME} or \${NAME:-default}, found "\${open"`,
    `target.url: expected \${NAME} or \${NAME:-default}, found "\${1x}"`,
    `plugins.a.b.0: the environment variable NO is not set, and there is no default (\${NO:-…})`,
    'port: expected a whole number at least 0 and at most 65535, found the text "eighty"'
  ])
})

test('named variables win over the file; empty ones count as unset', t => {
  const yaml = 'target: { url: http://file:1, token: a }\nhost: 127.0.0.2\nport: 1\nlog_level: warn\n'
  const env = {
    OLLAMA_HOST: 'ignored',
    FOREMAN_TARGET_URL: 'https://box/ollama/',
    FOREMAN_TARGET_TOKEN: 't',
    FOREMAN_TARGET_TOKEN_FILE: '/run/secrets/t',
    FOREMAN_HOST: '::1',
    FOREMAN_PORT: '99',
    FOREMAN_EMBED_MODEL: 'nomic-embed-text',
    FOREMAN_KEEP_ALIVE: '600',
    FOREMAN_LOG_LEVEL: 'debug'
  }
  const settings = load(t, yaml, env)
  assert.equal(settings.target.url, 'https://box/ollama')
  assert.equal(settings.target.token, 't')
  assert.equal(settings.target.token_file, '/run/secrets/t')
  assert.deepEqual([settings.host, settings.port, settings.log_level], ['::1', 99, 'debug'])
  assert.equal(settings.embed.model, 'nomic-embed-text')
  assert.equal(settings.keep_alive.idle_unload, 600)

  const empty = Object.fromEntries(Object.keys(env).map(name => [name, '']))
  const file = load(t, yaml, empty)
  assert.deepEqual([file.target.url, file.port, file.log_level], ['http://file:1', 1, 'warn'])
  assert.equal(load(t, yaml, { OLLAMA_HOST: 'box' }).target.url, 'http://box:11434')
})

test('a fault in a variable names the variable', t => {
  const env = { FOREMAN_PORT: 'x', OLLAMA_HOST: 'ftp://box', FOREMAN_KEEP_ALIVE: '30min' }
  assert.deepEqual(faults(t, 'host: a\n', env), [
    'target.url: expected an http or https address without user, password, query and fragment, found the text "ftp://box" in OLLAMA_HOST',
    'port: expected a whole number at least 0 and at most 65535, found the text "x" in FOREMAN_PORT',
    'keep_alive.idle_unload: expected a duration such as "30m", a number of seconds, or -1, found the text "30min" in FOREMAN_KEEP_ALIVE'
  ])
})

test('foreman listens on loopback only while everybody is let in, unless it is told so', () => {
  const closed = { open_to_everyone: false }
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) requireLoopback({ host, ...closed })
  for (const host of [
    '0.0.0.0',
    '::',
    '192.168.1.2',
    '::ffff:10.0.0.1',
    'box.local',
    '127.0.0.1.example.com'
  ]) {
    const [fault] = faultsOf(() => requireLoopback({ host, ...closed }))
    assert.match(fault!, /^host: .*with plugins.auth off .* set open_to_everyone: true/)
    requireLoopback({ host, open_to_everyone: true })
  }
})
