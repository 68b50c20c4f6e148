/** What a command prints, kept. */
export class Sink {
  text = '';
  write(text: string): void {
    this.text += text;
  }
}
