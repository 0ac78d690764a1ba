/** A contract version was published; wakes readers, which fetch the numbered index from storage. */
export interface ContractsChanged {
  readonly index: number;
  readonly at: string;
}
