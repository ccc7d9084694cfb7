// A certificate of 127.0.0.1 and hub.example by an authority that nobody knows, made by openssl; undefined where there is none.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificate {
  key: string;
  cert: string;
  /** What makes each of the runtimes trust the authority when it starts. */
  env: Record<string, string>;
}

export function makeCertificate(folder: string): Certificate | undefined {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  const request = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj"];
  try {
    openssl(...request, "/CN=ingle tests", "-x509", "-keyout", "authority.key", "-out", "authority.pem", "-days", "2");
    openssl(...request, "/CN=127.0.0.1", "-keyout", "key.pem", "-out", "request.pem");
    writeFileSync(
      join(folder, "names"),
      "subjectAltName=IP:127.0.0.1,DNS:hub.example,DNS:*.hub.example\nbasicConstraints=CA:FALSE\n",
    );
    const by = ["-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial", "-days", "2"];
    openssl("x509", "-req", "-in", "request.pem", "-out", "cert.pem", "-extfile", "names", ...by);
  } catch {
    return undefined;
  }
  const text = (name: string) => readFileSync(join(folder, name), "utf8");
  const authority = join(folder, "authority.pem");
  return { key: text("key.pem"), cert: text("cert.pem"), env: { NODE_EXTRA_CA_CERTS: authority, DENO_CERT: authority } };
}
