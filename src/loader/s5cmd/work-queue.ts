/** Runs work on items in the order of their arrival, a few at once. */
export class WorkQueue<T> {
  readonly #work: (item: T) => Promise<void>
  readonly #atOnce: number
  #waiting: T[] = []
  /** Index of the first waiting item; items before it are done. Removing each from the array is slow for very many. */
  #next = 0
  readonly #running = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  constructor(work: (item: T) => Promise<void>, atOnce: number) {
    this.#work = work
    this.#atOnce = atOnce
  }

  /** Items that are not done yet. */
  get length(): number {
    return this.#waiting.length - this.#next + this.#running.size
  }

  /** Throws the first failure of earlier items. */
  add(item: T): void {
    this.throwIfFailed()
    this.#waiting.push(item)
    this.#start()
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Resolves when all items are done; rejects with the first failure. */
  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.race(this.#running)
    this.throwIfFailed()
  }

  /** Resolves when nothing runs any more; items that wait are dropped. */
  async stopped(): Promise<void> {
    this.#forget()
    while (this.#running.size > 0) await Promise.race(this.#running)
  }

  #start(): void {
    while (this.#running.size < this.#atOnce && this.#failure === undefined) {
      if (this.#next === this.#waiting.length) {
        this.#forget()
        return
      }
      const item = this.#waiting[this.#next++] as T
      const running: Promise<void> = this.#run(item).finally(() => {
        this.#running.delete(running)
        this.#start()
      })
      this.#running.add(running)
    }
  }

  #forget(): void {
    this.#waiting = []
    this.#next = 0
  }

  async #run(item: T): Promise<void> {
    try {
      await this.#work(item)
    } catch (error) {
      this.#failure ??= { error }
    }
  }
}
