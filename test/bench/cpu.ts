/** What a process has used, as it tells itself. */

/** Processor time of foreman so far, in s. */
export async function cpuOf(url: string): Promise<number> {
  const series = await (await fetch(new URL('/metrics', url))).text()
  return Number(/^process_cpu_seconds_total (\S+)$/m.exec(series)![1])
}
