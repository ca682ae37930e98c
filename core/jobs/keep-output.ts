/** Keeps the answer of a job where it belongs: a small one in its row, a large one in a file that is there before. */
import { inlineBytes, type Output } from './artifacts.ts'
import type { Blobs } from './blobs.ts'

/**
 * Calls `end` with the output as the store takes it, for the transaction that ends the job: at once where it is small
 * or there is none, else when its file is on the disk.
 * @throws what the disk or `end` throws; nothing is kept then
 */
export async function keepOutput(
  blobs: Blobs,
  output: Output | undefined,
  end: (stored: Output | undefined) => void
): Promise<void> {
  const content = output?.content
  if (!(content instanceof Buffer) || content.length <= inlineBytes) return end(output)
  const { contentType } = output!
  await blobs.write([content], blob => end({ contentType, content: blob }))
}
