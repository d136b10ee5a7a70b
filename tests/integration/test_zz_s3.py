import os, socket, struct, time, ssl
from pathlib import Path
from support import behave, tls_client
from support.client import make_query
from support.encrypted import encrypted, ours
from support.http2_client import Http2Client, get_path, frame, PREFACE, Setting
from support.tls_client import framed, TlsBytes

def cpu(s):
    f = Path(f"/proc/{s.pid}/stat").read_text().rsplit(")",1)[1].split()
    return (int(f[11])+int(f[12]))/os.sysconf("SC_CLK_TCK")
def large(site):
    text = " ".join('"' + "x" * 250 + '"' for _ in range(4))
    site.edit("example.com.", add="*.w A 192.0.2.1\n"+"\n".join(f'large TXT "{i}" {text}' for i in range(46)))
SIG = b"\r\n\r\n\0\r\nQUIT\n"
def test_spin(site, com, encrypted, net):
    large(site); com.on(behave.silence(), below="w.example.com.")
    b = net.ipv4()
    s = encrypted(workers=1, limits={"tls_idle":"60s","tcp_idle":"60s"}, more=[{"address":b,"port":53,"proxy_protocol":["127.0.0.0/8"]},{"address":b,"port":853,"transport":"tls","proxy_protocol":["127.0.0.0/8"]}])
    s.query("large.example.com.","TXT",over="tcp")
    ctx = tls_client.context(s.ca_file); ctx12 = tls_client.context(s.ca_file, most=tls_client.TLS12)
    keep=[]
    def conn(port=53, addr=None, rcv=2304):
        k=socket.socket(); k.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcv); k.settimeout(1); k.connect((addr or s.address,port)); keep.append(k); return k
    def push(k, data):
        try: k.sendall(data)
        except OSError as e: pass
    L=framed(make_query("large.example.com.","TXT"))*3000
    W=b"".join(framed(make_query(f"n{i}.w.example.com.","A")) for i in range(300))
    half=framed(make_query("v4.example.com.","A"))[:9]
    def wrap(k, c=ctx):
        t=c.wrap_socket(k, server_hostname="dns.example.com"); keep.append(t); return t
    def hard(k): k.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii",1,0)); k.close()
    def st_unread(): push(conn(), L)
    def st_unread_fin():
        k=conn(); push(k,L); k.shutdown(1)
    def st_slow_fin():
        k=conn(); push(k,W); k.shutdown(1)
    def st_slow(): push(conn(), W)
    def st_half_fin():
        k=conn(); push(k, half); k.shutdown(1)
    def st_tls_unread(): push(wrap(conn(853,rcv=65536)), L)
    def st_tls12_unread_fin():
        t=wrap(conn(853,rcv=65536),ctx12); push(t,L); t.shutdown(1)
    def st_tls_slow_fin():
        t=wrap(conn(853,rcv=65536)); push(t,W); socket.socket.shutdown(t,1)
    def st_tls_halfrec():
        t=wrap(conn(853,rcv=65536)); push(t,W); os.write(t.fileno(), b"\x17\x03\x03\x40\x00"+b"a"*100)
    def st_hello_half():
        k=conn(853); push(k, b"\x16\x03\x01\x02\x00\x01"); 
    def st_hello_half_fin():
        k=conn(853); push(k, b"\x16\x03\x01\x02\x00\x01"); k.shutdown(1)
    def st_proxy_half(): push(conn(53,b), SIG[:7])
    def st_proxy_half_fin():
        k=conn(53,b); push(k, SIG[:7]); k.shutdown(1)
    def st_ptls_in(): 
        t=wrap(conn(853,b,65536)); push(t, SIG[:7])
    def st_ptls_none(): wrap(conn(853,b,65536))
    def st_h2_noread():
        c=Http2Client(s.address, ca_file=s.ca_file, window=False); keep.append(c); c.settle()
        for _ in range(90): c.get(make_query("large.example.com.","TXT",ident=0))
        c.flush()
    def st_h2_fin():
        c=Http2Client(s.address, ca_file=s.ca_file, window=False); keep.append(c); c.settle()
        for _ in range(90): c.get(make_query("large.example.com.","TXT",ident=0))
        c.flush(); socket.socket.shutdown(c.sock,1)
    def st_h2_win0():
        c=Http2Client(s.address, ca_file=s.ca_file, settings={Setting.INITIAL_WINDOW_SIZE:0}); keep.append(c); c.settle()
        for _ in range(90): c.get(make_query("large.example.com.","TXT",ident=0))
        c.flush()
    def st_h2_half():
        c=Http2Client(s.address, ca_file=s.ca_file); keep.append(c); c.settle()
        for _ in range(50): c.request("POST", content=b"abc", fields=[("content-type","application/dns-message")], end=False)
        c.flush()
    def st_h2_ping_noread():
        c=Http2Client(s.address, ca_file=s.ca_file); keep.append(c); c.settle()
        try:
            for _ in range(900): c.raw(frame(6,0,0,b"12345678"))
        except OSError: pass
    for name, f in list(locals().items()):
        if not name.startswith("st_"): continue
        try: f()
        except Exception as e: print(name, repr(e)[:100])
        time.sleep(.4)
        a=cpu(s); time.sleep(1.0); print(f"{name:22} {cpu(s)-a:.2f}")
        for k in keep:
            try: k.close()
            except Exception: pass
        keep.clear(); time.sleep(.1)
    print(s.stats()["queries_tcp"], s.status())
