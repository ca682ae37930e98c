/** `T` as JSON has it: an enum of texts is one of the texts. */
export type Plain<T> = T extends string ? `${T}` : T extends object ? { [Key in keyof T]: Plain<T[Key]> } : T
