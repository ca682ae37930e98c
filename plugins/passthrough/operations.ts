/** What the target documents of its routes: one method each, with a name for generated clients. */

/** One operation of the target. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly operationId: string
  readonly summary: string
  /** What its body is, where it takes one. Those of calls that use a model are told by their class. */
  readonly body?: 'json' | 'form' | 'bytes'
  /** What the answer is. Defaults to JSON. */
  readonly answer?: 'text' | 'lines' | 'nothing'
}

type Rest = Pick<Operation, 'body' | 'answer'>

function row(
  method: Operation['method'],
  operationId: string,
  summary: string,
  { body, answer }: Rest = {}
): Operation {
  return { method, operationId, summary, ...(body && { body }), ...(answer && { answer }) }
}

const lines = { body: 'json', answer: 'lines' } as const
const change = { body: 'json', answer: 'nothing' } as const

/** By the path of the route. */
export const operations: Readonly<Record<string, Operation>> = {
  '/': row('GET', 'ollama_root', 'Whether anybody is there', { answer: 'text' }),
  '/api/version': row('GET', 'ollama_version', 'Version of the target'),
  '/api/tags': row('GET', 'ollama_list_models', 'Installed models'),
  '/api/ps': row('GET', 'ollama_list_running', 'Loaded models'),
  '/api/show': row('POST', 'ollama_show_model', 'Details of a model', { body: 'json' }),
  '/api/status': row('GET', 'ollama_status', 'State of the target'),
  '/api/generate': row('POST', 'ollama_generate', 'Complete a prompt'),
  '/api/chat': row('POST', 'ollama_chat', 'Answer a conversation'),
  '/api/embed': row('POST', 'ollama_embed', 'Embed texts'),
  '/api/embeddings': row('POST', 'ollama_embeddings', 'Embed a text, the older form'),
  '/api/pull': row('POST', 'ollama_pull_model', 'Install a model', lines),
  '/api/push': row('POST', 'ollama_push_model', 'Publish a model', lines),
  '/api/create': row('POST', 'ollama_create_model', 'Make a model', lines),
  '/api/copy': row('POST', 'ollama_copy_model', 'Copy a model', change),
  '/api/delete': row('DELETE', 'ollama_delete_model', 'Remove a model', change),
  '/api/blobs/:digest': row('POST', 'ollama_upload_blob', 'Hand in the bytes of a model', {
    ...{ body: 'bytes', answer: 'nothing' }
  }),
  '/api/me': row('POST', 'ollama_me', 'Who is signed in on the target'),
  '/api/signout': row('POST', 'ollama_sign_out', 'Sign the target out'),
  '/api/user/keys/:key': row('DELETE', 'ollama_delete_key', 'Sign the target out, by its key'),
  '/api/experimental/web_search': row('POST', 'ollama_web_search', 'Search the web', { body: 'json' }),
  '/api/experimental/web_fetch': row('POST', 'ollama_web_fetch', 'Fetch a page', { body: 'json' }),
  '/api/experimental/model-recommendations': row('GET', 'ollama_recommendations', 'Recommended models'),
  '/v1/chat/completions': row('POST', 'openai_chat', 'Answer a conversation, as OpenAI has it'),
  '/v1/completions': row('POST', 'openai_complete', 'Complete a prompt, as OpenAI has it'),
  '/v1/responses': row('POST', 'openai_respond', 'Answer, as OpenAI has it'),
  '/v1/embeddings': row('POST', 'openai_embed', 'Embed texts, as OpenAI has it'),
  '/v1/audio/transcriptions': row('POST', 'openai_transcribe', 'Write down speech, as OpenAI has it'),
  '/v1/systemone': row('POST', 'ollama_systemone', 'Complete a prompt, of newer servers'),
  '/v1/models': row('GET', 'openai_list_models', 'Installed models, as OpenAI has it'),
  '/v1/models/:model': row('GET', 'openai_get_model', 'One model, as OpenAI has it'),
  '/v1/messages': row('POST', 'anthropic_message', 'Answer a conversation, as Anthropic has it')
}
