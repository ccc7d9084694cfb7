/** What a listener passes beside each request, the same object with every one: it costs nothing where no handler asks. */
export interface ListenerEnv {
  /** The IP address of the other end of the connection, which may be a proxy; undefined where it has left. */
  addressOf(request: Request): string | undefined;
  /** The class of responses that this listener writes fastest; absent: the global one. */
  Response?: typeof Response;
}
