/** How findings are told: to people by group with the faults last, to machines as JSON. */
import type { Finding } from './finding.ts'

/** For people: a line a finding, and under what is amiss what to do. Faults are kept for the end. */
export function reportInWords(findings: readonly Finding[]): string {
  const groups = Map.groupBy(findings, ({ code }) => code.split('.')[0]!)
  const sections = [...groups].map(([group, its]) => section(group, its.filter(isNoFault)))
  const faults = findings.filter(isFault)
  if (faults.length > 0) sections.push(section('to mend', faults))
  return [...sections.filter(text => text !== ''), summary(findings)].join('\n\n')
}

/** For machines. `ok` is what the exit code says: no fault, be there warnings or not. */
export function reportAsJson(findings: readonly Finding[]): string {
  return JSON.stringify({ ok: !findings.some(isFault), findings }, undefined, 2)
}

/** Whether it makes the command end with 1. */
export function isFault({ severity }: Finding): boolean {
  return severity === 'fault'
}

const isNoFault = (finding: Finding) => !isFault(finding)
const widest = 'warning'.length
const indent = ' '.repeat(widest + 4)

function section(title: string, findings: readonly Finding[]): string {
  return findings.length === 0 ? '' : [title, ...findings.map(lines)].join('\n')
}

function lines({ severity, code, seen, mend }: Finding): string {
  const line = `  ${severity.padEnd(widest)}  ${seen}  [${code}]`
  return mend === undefined ? line : `${line}\n${indent}→ ${mend}`
}

function summary(findings: readonly Finding[]): string {
  const faults = findings.filter(isFault).length
  const warnings = findings.filter(({ severity }) => severity === 'warning').length
  if (faults + warnings === 0) return 'all is well'
  return `${numberOf(faults, 'fault')}, ${numberOf(warnings, 'warning')}`
}

function numberOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
