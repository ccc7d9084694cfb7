/** Words as a shell of POSIX reads them: quoted where they hold anything else than it takes as it is. */
export function shellWords(words: string[]): string {
  const quoted = (text: string): string => (/^[\w@+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  return words.map(quoted).join(" ");
}
