/** Every job has an owner from the start. Until tokens exist there is one, and it has every scope. */
export const soleOwner = 'local'
