// By how much a connection delays its messages. Bytes that were handed to the network may wait
// there for long, and their sender does not see it: so each message carries 16 bits of its
// sender's clock, in milliseconds, and the fastest message of the last minutes counts as not
// delayed. The server reckons in the same way with what comes from edges.

const wrap = 1 << 16;
const windowMs = 120_000; // after which a fast message is forgotten, at the latest twice that: clocks drift

// Lag belongs to one connection.
export class Lag {
  #last: { sent: number; at: number } | undefined;
  #offset = 0; // arrival less sending, both from the first message on
  #least = 0; // of this window
  #before = Infinity; // of the one before
  #window = 0; // this one's beginning

  // late notes a message in its order: sent is its sender's clock, at is when it came, in
  // milliseconds of the page's. It gives for how much longer than the fastest one the message was
  // on the way. Delays of up to half a minute more or less than that of the message before are
  // told from the clock's wrapping around.
  late(sent: number, at: number): number {
    if (this.#last === undefined) {
      this.#last = { sent, at };
      this.#window = at;
      return 0;
    }
    const elapsed = at - this.#last.at;
    let step = (sent - this.#last.sent + wrap) % wrap;
    const more = elapsed - step + wrap / 2;
    step += more >= 0 ? Math.floor(more / wrap) * wrap : -wrap;
    this.#offset += elapsed - step;
    this.#last = { sent, at };
    if (at - this.#window > windowMs) {
      this.#before = this.#least;
      this.#least = this.#offset;
      this.#window = at;
    }
    this.#least = Math.min(this.#least, this.#offset);
    return this.#offset - Math.min(this.#least, this.#before);
  }
}
