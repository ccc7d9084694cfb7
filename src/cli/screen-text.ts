/** A text of somebody else for a terminal, which would obey the control characters in it. */
export const forScreen = (text: string): string => text.replaceAll("\r", "").replaceAll(/[^\P{Cc}\n\t]/gu, "\uFFFD");

/** The same for a text that is one line, such as the name of a file. */
export const lineForScreen = (line: string): string => line.replaceAll(/\p{Cc}/gu, "\uFFFD");
