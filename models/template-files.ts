// Names of the files with what is known of chat templates: the prompt process's side writes them, and `ingle check` knows them.

/** In the data folder. */
export const TEMPLATES_FOLDER = "templates";

export const TEMPLATE_FILE = /^[0-9a-f]{64}\.json$/;

/** `template`: the digest of the template. */
export const templateFile = (template: string): string => `${template}.json`;
