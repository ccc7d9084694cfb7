/** Milliseconds that a response asks to wait for, in either form of RFC 9110 §10.2.3; 0 where it says none. */
export function retryAfter(headers: Headers): number {
  const value = headers.get("retry-after") ?? "";
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Math.max(0, ms || 0);
}
