"""A stand-in of the camera-traps engine, with its topology, for one external plugin. Ports are free ones, kept over a restart."""
import threading

import zmq

EXTERNAL_SUBSCRIPTIONS = (b"\x12\x00", b"\x20\x00", b"\x21\x00")


class Engine:
    def __init__(self):
        self.ports = {}
        self.published = []  # what the plugin published
        self.has_quit = threading.Event()
        self.n_next = 0

    def _bind(self, socket, name):
        socket.linger = 0
        if name in self.ports:
            for _ in range(100):
                try:
                    socket.bind("tcp://127.0.0.1:%d" % self.ports[name])
                    return
                except zmq.ZMQError:
                    threading.Event().wait(0.05)
            raise RuntimeError("port of %s is taken" % name)
        self.ports[name] = socket.bind_to_random_port("tcp://127.0.0.1")

    def endpoint(self, name):
        return "tcp://127.0.0.1:%d" % self.ports[name]

    def start(self):
        self.context = c = zmq.Context()
        incoming, outgoing = c.socket(zmq.XSUB), c.socket(zmq.XPUB)
        self._bind(incoming, "incoming")
        self._bind(outgoing, "outgoing")
        incoming.bind("inproc://messages")
        outgoing.bind("inproc://events")
        rep, pub, sub = c.socket(zmq.REP), c.socket(zmq.PUB), c.socket(zmq.SUB)
        self._bind(rep, "plugin")
        pub.linger = sub.linger = 0
        pub.connect("inproc://messages")
        sub.connect("inproc://events")
        for prefix in EXTERNAL_SUBSCRIPTIONS:
            sub.subscribe(prefix)
        self.threads = [
            threading.Thread(target=self._proxy, args=(incoming, outgoing), daemon=True),
            threading.Thread(target=self._plugin, args=(rep, pub, sub), daemon=True),
        ]
        for t in self.threads:
            t.start()

    def stop(self):
        self.context.term()
        for t in self.threads:
            t.join()

    def _proxy(self, incoming, outgoing):
        try:
            zmq.proxy(incoming, outgoing)
        except zmq.ContextTerminated:
            pass
        finally:
            incoming.close()
            outgoing.close()

    def _plugin(self, rep, pub, sub):
        try:
            while True:
                message = rep.recv()
                if message == b"plugin_command: quit":
                    self.has_quit.set()
                    return
                if message == b"plugin_command: next_msg":
                    self.n_next += 1
                    rep.send(sub.recv())
                else:
                    self.published.append(message)
                    pub.send(message)
                    rep.send(b"event-engine: msg published")
        except zmq.ContextTerminated:
            pass
        finally:
            for s in (rep, pub, sub):
                s.close()
