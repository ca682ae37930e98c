/** What the routes of models refuse. docs/errors.md says what to do about each. */
import { defineError } from '../../core/errors.ts'

/** 409: the model is kept loaded for embeddings. Hole: its name. */
export const EmbedderKeptError = defineError<[model: string]>({
  code: 'embedder_kept',
  status: 409,
  title: 'Embedder kept',
  message: "model '%s' is kept loaded for embeddings and would be loaded again at once",
  retryable: false
})

/** 502: the model is not loaded. Holes: its name, what became of the job that was to load it. */
export const ModelNotLoadedError = defineError<[model: string, reason: string]>({
  code: 'model_not_loaded',
  status: 502,
  title: 'Model not loaded',
  message: "model '%s' was not loaded: %s",
  retryable: true
})
