// Hosts that the server must not answer to: another's names, and odd spellings of its own.

export const FOREIGN_HOSTS = [
  "evil.com",
  "evil.com:1337",
  "localhost.evil.com",
  "127.0.0.1.evil.com",
  "localhost@evil.com",
  "evil.com#localhost",
];

export const ODD_HOSTS = ["localhost.", "0.0.0.0", "[::]", "127.1", "2130706433", "[::ffff:127.0.0.1]"];
