/** A text of somebody else for a terminal, which would obey the control characters in it. */
export const forScreen = (text: string): string => text.replaceAll("\r", "").replaceAll(/[^\P{Cc}\n\t]/gu, "\uFFFD");
