/** The version of openapi-explorer, whose script `npm run docs:viewer` takes from its npm package. */
export const VIEWER_VERSION = "2.4.820";
