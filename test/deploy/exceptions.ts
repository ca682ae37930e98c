/** What the tests of the dashboard let pass, and why. A list that grows without a reason is a fault. */

/** Lines that stay empty after a run in which everything went on that a test can bring about: `panel: legend`. */
export const emptyPanels: Readonly<Record<string, string>> = {}

/** Series of foreman's that neither a panel nor an alert uses. */
export const unusedSeries: Readonly<Record<string, string>> = {}
