// Who is at the other end of a request: only the socket knows, and only few requests ask.

export interface Peers {
  /** The IP address of whoever sent this request; undefined where it has left. Of a proxy where there is one. */
  addressOf(request: Request): string | undefined;
}
