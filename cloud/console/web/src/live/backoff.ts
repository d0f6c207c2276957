// Waits between attempts to connect: longer each time, never in step with other tiles.

export class Backoff {
  #failures = 0;

  constructor(
    private readonly steps: readonly number[] = [300, 700, 1500, 3000, 6000, 10_000],
    private readonly random: () => number = Math.random,
  ) {}

  // next gives milliseconds: the step, more or less a half of it.
  next(): number {
    const step = this.steps[Math.min(this.#failures++, this.steps.length - 1)] ?? 10_000;
    return step * (0.5 + this.random());
  }

  reset(): void {
    this.#failures = 0;
  }
}
