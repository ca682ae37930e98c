/**
 * What the design's simulator of the same rules gave for the same workloads: the yardstick of the table, not a law.
 * A row is total s, loads, per cent of the time loading, then the waits in s (p50, p95, greatest) of interactive,
 * normal and batch jobs.
 */

/** p50, p95 and greatest wait in s; undefined where there is no such job. */
export type Waits = readonly [number, number, number] | undefined

/** Total s, loads, per cent loading, waits of interactive, normal, batch. */
export type Figures = readonly [number, number, number, Waits, Waits, Waits]

/** By workload and policy. */
export const designFigures: Readonly<Record<string, Readonly<Record<string, Figures>>>> = {
  backlog: {
    'arrival order': [2250, 195, 87, undefined, [1120, 2155, 2249], undefined],
    'age limit 60 s': [1740, 144, 83, undefined, [660, 1645, 1739], undefined],
    'plain drain': [330, 3, 9, undefined, [170, 315, 329], undefined],
    'this schedule': [331, 3, 9, undefined, [170.5, 316, 330], undefined]
  },
  twoAgents: {
    'arrival order': [4800, 400, 83, [21.8, 21.8, 21.9], undefined, undefined],
    'age limit 60 s': [4800, 400, 83, [21.8, 21.8, 21.9], undefined, undefined],
    'plain drain': [4800, 400, 83, [21.8, 21.8, 21.9], undefined, undefined],
    'this schedule': [1096, 22, 20, [0, 61.4, 61.5], undefined, undefined]
  },
  threeAgents: {
    'arrival order': [5850, 450, 77, undefined, [35, 35, 35.4], undefined],
    'age limit 60 s': [5850, 450, 77, undefined, [35, 35, 35.4], undefined],
    'plain drain': [5850, 450, 77, undefined, [35, 35, 35.4], undefined],
    'this schedule': [1885, 9, 5, undefined, [0, 0, 699.5], undefined]
  },
  personBesideBatch: {
    'arrival order': [2128, 2, 1, [1312.9, 1962.4, 1980.2], undefined, [1010, 1910, 2008]],
    'age limit 60 s': [2128, 2, 1, [1312.9, 1962.4, 1980.2], undefined, [1010, 1910, 2008]],
    'plain drain': [2128, 2, 1, [1312.9, 1962.4, 1980.2], undefined, [1010, 1910, 2008]],
    'this schedule': [2643, 51, 19, [16.9, 56.6, 58.6], undefined, [1523.5, 2542.5, 2640.5]]
  },
  busy: {
    'arrival order': [
      75663,
      5975,
      79,
      [28413.6, 53038.4, 55660.3],
      [27343.8, 52938.8, 55649.9],
      [28272, 52524.7, 55628.7]
    ],
    'age limit 60 s': [
      75283,
      5937,
      79,
      [28033.6, 52658.4, 55280.3],
      [26963.8, 52558.8, 55269.9],
      [27892, 52144.7, 55248.7]
    ],
    'plain drain': [20093, 418, 21, [79, 172, 239.5], [78.9, 175, 240.2], [76, 172.9, 241.5]],
    'this schedule': [20245, 422, 21, [59.2, 141.3, 162.4], [78.8, 197.3, 322.1], [331.9, 1225.1, 1674.5]]
  },
  overload: {
    'arrival order': [
      56533,
      4354,
      77,
      [24975.2, 44202.7, 46459.8],
      [23213.6, 44307.6, 46531.3],
      [23343.6, 44431.5, 46523.9]
    ],
    'age limit 60 s': [
      56373,
      4338,
      77,
      [24815.2, 44042.7, 46299.8],
      [23053.6, 44147.6, 46371.3],
      [23183.6, 44271.5, 46363.9]
    ],
    'plain drain': [13193, 20, 2, [1471.5, 4296, 4750.4], [1258.8, 4240.3, 4745.8], [1310.5, 4197.8, 4748.4]],
    'this schedule': [15000, 200, 13, [39.5, 105.1, 116.9], [152.7, 377.5, 625.9], [7094.7, 11625.3, 12691.2]]
  },
  unequal: {
    'arrival order': [
      151789,
      5605,
      89,
      [65222.9, 126107.9, 131783.1],
      [66572.8, 125537.2, 131710.2],
      [65724.8, 124571.2, 131784.8]
    ],
    'age limit 60 s': [
      151703,
      5600,
      89,
      [65136.9, 126021.9, 131697.1],
      [66486.8, 125451.2, 131624.2],
      [65638.8, 124485.2, 131698.8]
    ],
    'plain drain': [20183, 138, 17, [155.5, 338.2, 447], [157, 338.5, 486.9], [153.3, 329, 463]],
    'this schedule': [21039, 300, 20, [52.5, 287.5, 360.5], [130, 333.4, 528.7], [958.4, 4798, 5491.6]]
  },
  dearBesideCheap: {
    'arrival order': [20001, 3126, 21, undefined, [7332, 8762, 8920], undefined],
    'age limit 60 s': [20003, 3118, 21, undefined, [7323, 8754, 8912], undefined],
    'plain drain': [19911, 7, 1, undefined, [4106, 8494, 9614], undefined],
    'this schedule': [20003, 1729, 9, undefined, [5724.1, 6541.1, 6640.1], undefined]
  },
  steadyFlow: {
    'arrival order': [6022, 40, 7, undefined, [21, 65.2, 97.3], undefined],
    'age limit 60 s': [6022, 40, 7, undefined, [19.1, 65.5, 97.3], undefined],
    'plain drain': [6022, 36, 6, undefined, [12.6, 24.9, 530.4], undefined],
    'this schedule': [6024, 36, 6, undefined, [13.8, 27.3, 542], undefined]
  },
  twoPeople: {
    'arrival order': [2095, 120, 57, [10, 10, 18], undefined, undefined],
    'age limit 60 s': [2095, 120, 57, [10, 10, 18], undefined, undefined],
    'plain drain': [2095, 120, 57, [10, 10, 18], undefined, undefined],
    'this schedule': [2096, 120, 57, [10, 10, 18.5], undefined, undefined]
  }
}

/** Medians of six seeds of `unequal`, 11 to 16: p95 of interactive waits in s, per cent of the time loading. */
export const designUnequal: Readonly<Record<string, readonly [number, number]>> = {
  'arrival order': [126_108, 89],
  'age limit 60 s': [126_022, 89],
  'plain drain': [323, 18],
  'this schedule': [289, 20]
}
