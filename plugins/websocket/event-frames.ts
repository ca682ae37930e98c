/** Frames that tell of events, as bytes. */

const made = new WeakMap<object, Map<string, Buffer>>()

/**
 * The frame with the event in it, whose text is `text`, behind `head`. It is made once for all who are told of the event in
 * the same words, and waits in memory once.
 */
export function eventFrame(event: object, head: string, text: string): Buffer {
  const frames = made.get(event) ?? new Map<string, Buffer>()
  const frame = frames.get(head) ?? Buffer.from(`${head}${text}}`)
  made.set(event, frames.set(head, frame))
  return frame
}
