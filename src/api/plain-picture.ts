/** A plain disc, for what has no picture of its own: in the published API a picture is always a URI. */
export const PLAIN_PICTURE =
  "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%208%208'%3E%3Ccircle%20cx='4'%20cy='4'%20r='4'/%3E%3C/svg%3E";
