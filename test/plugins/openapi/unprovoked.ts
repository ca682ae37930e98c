/** Documented codes that no test here brings about, and why: for all operations, or for those that are named. */

/** Why none was seen. */
export interface Unprovoked {
  readonly code: string
  /** Left out: all. */
  readonly operations?: readonly string[]
  readonly because: string
}

const embeddings = ['ollama_embed', 'ollama_embeddings']
const calls = [
  ...['ollama_generate', 'ollama_chat', 'openai_chat', 'openai_complete', 'openai_respond'],
  ...['openai_transcribe', 'ollama_systemone', 'anthropic_message']
]
const searches = ['ollama_web_search', 'ollama_web_fetch']
const leaving = [
  ...['ollama_me', 'ollama_sign_out', 'ollama_delete_key', 'ollama_recommendations'],
  ...searches
]
const faults = 'test/strength/target-faults.test.ts has one'

/** All of them. */
export const unprovoked: readonly Unprovoked[] = [
  {
    code: 'internal',
    because: 'no caller can bring it about; test/core/answers.test.ts has a plugin that does'
  },
  { code: 'storage_low', because: 'it takes a full disk; test/strength/storage-routes.test.ts has one' },
  {
    code: 'secret_lost',
    because: 'it takes a key file of another; test/plugins/webhooks/secrets.test.ts has that'
  },
  { code: 'load_failed', because: `it takes a target that cannot load; ${faults}` },
  { code: 'load_timeout', because: `it takes a target that loads for too long; ${faults}` },
  { code: 'run_timeout', because: `it takes a target that computes for too long; ${faults}` },
  { code: 'stalled', because: `it takes a target that falls silent; ${faults}` },
  ...['target_unreachable', 'target_truncated', 'target_error'].map(code => ({
    ...{ code, operations: leaving },
    because: 'they are refused before anything is sent, unless the settings allow them'
  })),
  {
    ...{ code: 'request_timeout', operations: searches },
    because: 'they are refused before anything is read, unless the settings allow them'
  },
  {
    ...{ code: 'target_unreachable', operations: [...calls, ...embeddings, 'openai_embed'] },
    because:
      'they wait for a target that refuses connections; only one that cannot be reached in another way is told'
  },
  ...['target_truncated', 'target_error'].map(code => ({
    ...{ code, operations: ['ollama_systemone'] },
    because: 'the fake target is of a version that does not have it'
  })),
  {
    ...{ code: 'model_not_found', operations: calls },
    because: 'their model must go while they wait; test/strength/target-away.test.ts has that for jobs'
  },
  {
    ...{ code: 'validation_failed', operations: ['retry_job', ...embeddings] },
    because:
      'what was accepted once is accepted again unless its model has changed; embeddings refer to no upload'
  },
  {
    ...{ code: 'model_not_loaded', operations: ['load_model'] },
    because: 'it takes a target that cannot load; test/plugins/residency/routes.test.ts has one'
  },
  {
    ...{ code: 'target_unreachable', operations: ['load_model'] },
    because: 'a load waits for a target that is away, unless the model is in no list that there ever was'
  },
  ...['target_truncated', 'target_error'].map(code => ({
    ...{ code, operations: ['load_model', 'unload_model'] },
    because: 'calls of its own carry no header that tells the fake target to fail'
  })),
  ...['target_unreachable', 'target_truncated', 'target_error'].map(code => ({
    ...{ code, operations: ['get_model'] },
    because: 'only where the target never gave a list; test/plugins/inventory/models.test.ts has one'
  })),
  {
    ...{ code: 'leaves_this_machine', operations: ['retry_job'] },
    because: 'its model would have to move to ollama.com between its two lives'
  }
]
