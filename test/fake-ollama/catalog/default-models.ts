/**
 * The models a fake has when a test names none: one of each kind that foreman tells apart.
 */
import type { ModelConfig } from '../config.ts'

/** Installed from the start. `assistant:latest` is made from `llama3.2:latest` and shares its weights. */
export function defaultModels(): ModelConfig[] {
  const llama: ModelConfig = {
    name: 'llama3.2:latest',
    capabilities: ['completion', 'tools'],
    size_bytes: 2_019_393_189,
    weights: 'dde5aa3fc5ffc17176b5e8bdc82f587b24b2678c6c66101bf7da77af9f7ccdff'
  }
  return [
    llama,
    { ...llama, name: 'assistant:latest', system: 'You are an assistant.' },
    {
      name: 'qwen3:8b',
      family: 'qwen3',
      capabilities: ['completion', 'tools', 'thinking'],
      tool_framing: 'chunk',
      size_bytes: 5_225_388_164
    },
    {
      name: 'gemma3:4b',
      family: 'gemma3',
      capabilities: ['completion', 'vision'],
      size_bytes: 3_338_801_804
    },
    { name: 'codellama:7b', capabilities: ['completion', 'insert'], size_bytes: 3_825_910_662 },
    { name: 'whisper:base', capabilities: ['completion', 'audio'], size_bytes: 147_000_000 },
    {
      name: 'nomic-embed-text:latest',
      family: 'nomic-bert',
      capabilities: ['embedding'],
      context_length: 2048,
      embedding_length: 768,
      size_bytes: 274_302_450
    }
  ]
}

/** What `/api/pull` can bring. */
export function defaultRemoteModels(): ModelConfig[] {
  return [
    { name: 'smollm2:135m', size_bytes: 270_898_672 },
    { name: 'all-minilm:latest', family: 'bert', capabilities: ['embedding'], size_bytes: 45_960_996 }
  ]
}
