from support.client import make_query
from test_https import connect, Setting, time
from support.encrypted import encrypted, ours
def test_x(site, encrypted):
    site.edit("example.com.", add="\n".join(f"many A 198.51.{i // 100}.{i % 100}" for i in range(400)))
    subject = encrypted(dns64={"enabled": False}, limits={"tls_idle": "2s"})
    many = make_query("many.example.com.", "A", ident=0)
    subject.query("many.example.com.", "A", over="tcp")
    import subprocess
    g=subprocess.Popen(["gdb","-batch","-p",str(subject.pid),"-ex","set confirm off","-ex","set breakpoint pending on","-ex","break 'resolve64::server::HttpSession::Ask'","-ex","commands 1\nsilent\nprintf \"ask %lu inflight %lu\\n\", this->reply_octets_, this->inflight_\ncontinue\nend","-ex","continue"],stdout=open("/tmp/b-b/gdb.log","w"),stderr=subprocess.STDOUT)
    time.sleep(6)
    c = connect(subject, window=False, settings={Setting.INITIAL_WINDOW_SIZE: 0})
    c.settle()
    import sys
    t0=time.monotonic()
    for i in range(100):
        c.get(many)
        if i % 10 == 9: c.flush()
    n=[]
    for _ in range(15):
        try: c.run(lambda: c.closed, 0.1)
        except AssertionError: pass
        n.append((round(time.monotonic()-t0,2), sum(a.status==200 for a in c.answers.values())))
    print(n, c.goaway); g.terminate()
    assert 0
