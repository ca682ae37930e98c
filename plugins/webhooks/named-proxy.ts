/** The proxy that the environment names for those who would use one. */

const variables = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy']

/** Name of the variable that names one; undefined where none does. */
export function namedProxy(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return variables.find(name => env[name])
}
