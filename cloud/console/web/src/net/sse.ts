// Reads the text/event-stream format (WHATWG HTML, section 9.2) from chunks cut anywhere.
// The browser's own EventSource hides comments and the status of a refusal; the console needs
// both, to tell a quiet server from a dead one and an ended session from a lost network.

export interface Message { id: string; event: string; data: string }

export class SSEReader {
  #rest = '';
  #id = '';
  #event = '';
  #data: string[] = [];

  // push takes the next piece of text and gives the messages that are whole with it.
  push(text: string): Message[] {
    const all = this.#rest + text;
    // A CR at the end may be half of a CRLF.
    const end = all.endsWith('\r') ? all.length - 1 : all.length;
    const lines = all.slice(0, end).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? '') + all.slice(end);
    return lines.map((l) => this.#line(l)).filter((m) => m !== undefined);
  }

  #line(line: string): Message | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return undefined; // a comment
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return undefined;
  }

  #dispatch(): Message | undefined {
    const m = { id: this.#id, event: this.#event === '' ? 'message' : this.#event, data: this.#data.join('\n') };
    const empty = this.#data.length === 0;
    this.#event = '';
    this.#data = [];
    return empty ? undefined : m;
  }
}
